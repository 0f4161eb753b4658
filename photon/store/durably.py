"""How COMMIT is run: it waits for the disk, and the event loop must not.

Everything else that the store does is the same in both ways.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

T = TypeVar("T")

Done = Callable[[BaseException | None], None]


class Durably(Protocol):
    """Runs what waits for the disk. `inline`: on the loop, so that nobody reads meanwhile."""

    @property
    def inline(self) -> bool: ...

    def commit(self, commit: Callable[[], None], done: Done) -> None:
        """Runs `commit`, then calls `done` on the event loop with what it raised, if anything."""
        ...

    async def read(self, read: Callable[[], T]) -> T:
        """Runs a read that may take long."""
        ...

    def close(self) -> None: ...


class InThread:
    """One worker thread commits, another reads what takes long. For real controllers."""

    inline = False

    def __init__(self) -> None:
        self._committer = ThreadPoolExecutor(1, "photon-store-commit")
        self._reader = ThreadPoolExecutor(1, "photon-store-read")

    def commit(self, commit: Callable[[], None], done: Done) -> None:
        loop = asyncio.get_running_loop()

        def run() -> None:
            error: BaseException | None = None
            try:
                commit()
            except Exception as raised:  # The edge of a thread: whoever waits decides about it.
                error = raised
            loop.call_soon_threadsafe(done, error)

        self._committer.submit(run)

    async def read(self, read: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reader, read)

    def close(self) -> None:
        self._committer.shutdown()
        self._reader.shutdown()


class Inline:
    """On the loop itself: for simulations, which own the order of everything."""

    inline = True

    def commit(self, commit: Callable[[], None], done: Done) -> None:
        error: BaseException | None = None
        try:
            commit()
        except Exception as raised:  # As in the thread: whoever waits decides about it.
            error = raised
        done(error)

    async def read(self, read: Callable[[], T]) -> T:
        return read()

    def close(self) -> None:
        pass
