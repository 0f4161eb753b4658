"""Uploads on their way through this process: where the request and the task meet.

The request brings an image's bytes and its answer waits for them to be taken; the task's first step
takes them. So everything that a task can do, an upload can: be seen, be counted, end in an error.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from photon.images.errors import ImageUploadError
from photon.images.progress import Phase, Progress, silent
from photon.images.stored import StoredImage

Receive = Callable[[AsyncIterator[bytes], Progress], Awaitable[StoredImage]]


@dataclass(frozen=True)
class Arrived:
    """What was stored, and what names the content as it came."""

    stored: StoredImage
    content_hash: str


class Arrival:
    """One upload. Its bytes come once: whoever asks again gets what became of them.

    `total_bytes` is about how many will come; None: nobody knows. `listen` is told of the progress.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        name_of_content: Callable[[], str],
        *,
        total_bytes: int | None = None,
    ) -> None:
        self._chunks = chunks
        self._name_of_content = name_of_content
        self._complete = False
        self._receiving: asyncio.Task[StoredImage] | None = None
        self._aborted = False
        self._over = asyncio.Event()
        self.total_bytes = total_bytes
        self.listen: Progress = silent

    @property
    def content_hash(self) -> str | None:
        """Names the content as it came, once all of it has come."""
        return self._name_of_content() if self._complete else None

    async def take(self, receive: Receive) -> Arrived:
        """Has `receive` store the image.

        Raises:
            ImageUploadError: whoever sent it went away.
            Whatever `receive` raises.
        """
        if self._receiving is None:
            self._receiving = asyncio.ensure_future(receive(self._read(), self._heard))
        if self._aborted:
            self._receiving.cancel()
        try:
            stored = await asyncio.shield(self._receiving)
        except asyncio.CancelledError:
            if self._receiving.cancelled():
                raise ImageUploadError("the connection broke off") from None
            # The task itself is cancelled: what it began cleans up first.
            self._receiving.cancel()
            await asyncio.wait([self._receiving])
            raise
        finally:
            self._over.set()
        return Arrived(stored, self._name_of_content())

    async def over(self) -> None:
        """Returns when the bytes have been taken, or will not be."""
        await self._over.wait()

    def abort(self) -> None:
        """Whoever sent it went away. Does nothing once all of it is stored."""
        self._aborted = True
        if self._receiving is not None:
            self._receiving.cancel()

    async def _read(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            yield chunk
        self._complete = True

    def _heard(self, done_bytes: int, total_bytes: int | None, phase: Phase) -> None:
        self.listen(done_bytes, total_bytes, phase)
