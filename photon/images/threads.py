"""Blocking file work, off the event loop: few threads, and none left running behind its caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

THREADS_MAX = 4  # More only make one disk seek more.


class Threads:
    """A pool of THREADS_MAX threads, which start when first needed."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(THREADS_MAX, thread_name_prefix="images")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `work`, which is at most some tens of MiB of reading or writing.

        A cancellation waits for it: the caller then closes or deletes what `work` was using.
        """
        loop = asyncio.get_running_loop()
        return await settled(loop.run_in_executor(self._pool, lambda: work(*args, **kwargs)))

    def close(self) -> None:
        """Ends the threads. Nothing may be running."""
        self._pool.shutdown()


async def settled(future: asyncio.Future[T]) -> T:
    """The result of `future`; a cancellation of the caller lets it end first."""
    cancellation: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancellation = error
    if cancellation is None:
        return future.result()
    if not future.cancelled():
        future.exception()  # The cancellation wins; asking keeps asyncio from complaining.
    raise cancellation
