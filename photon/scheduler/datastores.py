"""The datastores of one leaf, or of all leaves of a tree: what one leaf takes, all others miss.

What one takes of a shared datastore the others read when they look next (`written_since`): a
datastore that all hosts of a large cloud reach would otherwise be written into hundreds of tables
for each guest.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from photon.scheduler.books import DatastoreBook

# A table that is further behind reads all of its shared datastores anew, which hardly costs more.
WRITES_KEPT_MAX: Final = 64


class Datastores:
    def __init__(self) -> None:
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
        for book in [book for book in self._unreached if not book.claims]:
            self._unreached.discard(book)
            del self.books[book.id]
