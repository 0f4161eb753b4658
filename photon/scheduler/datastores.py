"""The datastores of one leaf, or of all leaves of a tree: what one leaf takes, all others miss.

What one takes of a shared datastore the others read when they look next (`written_since`): a
datastore that all hosts of a large cloud reach would otherwise be written into hundreds of tables
for each guest.

Hosts that share a datastore also say what is free of it, whoever took the rest. What these leaves
cannot account for, others have taken: other controllers' leaves, or disks that nobody knows. That
is believed as long as a refusal, since they give room back without telling: then the datastore is
asked again by the next who wants room there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from photon.domain.guest import HostDatastore
from photon.scheduler.books import DatastoreBook
from photon.scheduler.leases import Leases
from photon.scheduler.policy import REFUSED_SECONDS

# A table that is further behind reads all of its shared datastores anew, which hardly costs more.
WRITES_KEPT_MAX: Final = 64


class Datastores:
    def __init__(self, believed_seconds: float = REFUSED_SECONDS) -> None:
        self._believed: Leases[DatastoreBook] = Leases(believed_seconds)
        self.writes = 0  # to datastores that are in several tables
        self._written: list[DatastoreBook] = []  # the latest of them, in order
        self.books: dict[str, DatastoreBook] = {}
        self._unreached: set[DatastoreBook] = set()  # may be forgotten once nothing lies on them

    def get(self, id: str) -> DatastoreBook:
        book = self.books.get(id)
        if book is None:
            book = self.books[id] = DatastoreBook(id)
            self._unreached.add(book)
        return book

    def hear(self, said: HostDatastore, now: float) -> None:
        """What is free of a shared datastore, by one of its hosts."""
        book = self.get(said.id)
        taken_gib = said.capacity_gib - min(max(said.free_gib, 0), said.capacity_gib)
        self._believe(book, max(0, taken_gib - book.held_gib), now)

    def deny(self, book: DatastoreBook, gib: int, now: float) -> None:
        """It was asked for so much, and had less."""
        self._believe(book, book.others_gib + max(0, book.free_gib - gib + 1), now)

    def expire(self, now: float) -> None:
        for book in self._believed.expired(now):
            self._set_others(book, 0)

    def _believe(self, book: DatastoreBook, others_gib: int, now: float) -> None:
        if others_gib:
            self._believed.start(book, now)
        else:
            self._believed.end(book)
        self._set_others(book, others_gib)

    def _set_others(self, book: DatastoreBook, gib: int) -> None:
        if gib != book.others_gib:
            book.others_gib = gib
            self.write(book)

    def write(self, book: DatastoreBook) -> None:
        """What is free of it is another amount than before."""
        if len(book.rows) > 1:
            self.note_write(book)
        else:
            for table, row in book.rows.items():
                table.write_room(row, book.free_gib)

    def note_write(self, book: DatastoreBook) -> None:
        """Tables other than the writer's have not what is free there now."""
        self.writes += 1
        self._written.append(book)
        if len(self._written) >= 2 * WRITES_KEPT_MAX:
            del self._written[:-WRITES_KEPT_MAX]

    def written_since(self, seen: int) -> Sequence[DatastoreBook] | None:
        """None when it is too long ago to tell which."""
        missed = self.writes - seen
        return self._written[-missed:] if missed <= WRITES_KEPT_MAX else None

    def reach(self, book: DatastoreBook) -> None:
        book.hosts += 1
        self._unreached.discard(book)

    def unreach(self, book: DatastoreBook) -> None:
        book.hosts -= 1
        if not book.hosts:
            self._unreached.add(book)

    def forget_unreached(self) -> None:
        # In any order: each is dropped by itself.
        for book in [book for book in self._unreached if not book.claims]:
            self._unreached.discard(book)
            self._believed.end(book)
            del self.books[book.id]
