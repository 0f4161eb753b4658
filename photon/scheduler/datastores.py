"""The datastores of one leaf, or of all leaves of a tree: what one leaf takes, all others miss."""

from __future__ import annotations

from photon.scheduler.books import DatastoreBook


class Datastores:
    def __init__(self) -> None:
        self.books: dict[str, DatastoreBook] = {}
        self._unreached: set[DatastoreBook] = set()  # may be forgotten once nothing lies on them

    def get(self, id: str) -> DatastoreBook:
        book = self.books.get(id)
        if book is None:
            book = self.books[id] = DatastoreBook(id)
            self._unreached.add(book)
        return book

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
