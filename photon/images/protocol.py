"""What the rest of the controller asks of an image library.

Implementations: ImageLibrary, in a directory, and a simulation's, in memory
(photon.simulation.images). One contract suite: tests/images/contract.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from photon.images.arrivals import Arrival
from photon.images.progress import Progress, silent
from photon.images.shelf import ShelfFile
from photon.images.stored import StoredImage


class Chunks(Protocol):
    """An async iterator; `close` it if it is not read to its end. `size_bytes` are to come."""

    size_bytes: int

    def __aiter__(self) -> AsyncIterator[bytes]: ...
    async def __anext__(self) -> bytes: ...
    async def close(self) -> None: ...


class Images(Protocol):
    """One process's view of a library that several processes may share: see ImageLibrary."""

    @property
    def arrivals(self) -> dict[str, Arrival]:
        """The uploads on their way through this process, by the ids of their images."""
        ...

    async def open(self) -> None: ...
    async def close(self) -> None: ...

    async def receives(self) -> bool:
        """Whether any process that shares this library is taking an image now."""
        ...

    def admit(self) -> None: ...

    async def receive(
        self,
        chunks: AsyncIterator[bytes],
        progress: Progress = silent,
        *,
        total_bytes: int | None = None,
    ) -> StoredImage: ...

    def path_of(self, checksum: str) -> Path: ...
    async def read(self, checksum: str) -> Chunks: ...
    async def delete(self, file: ShelfFile) -> bool:
        """Whether that file was there still; one of the same content that came since stays."""
        ...

    async def list(self) -> tuple[ShelfFile, ...]: ...
