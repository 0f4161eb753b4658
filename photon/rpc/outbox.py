"""Frames on their way out: those of one turn of the event loop go in one write."""

from __future__ import annotations

import asyncio


class Outbox:
    """Collects frames by a key and writes them together when the loop comes round.

    One write a turn, because a send is the dearest part of a small call.
    """

    __slots__ = ("_loop", "_transport", "_waiting")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._waiting: dict[int, bytes] = {}

    def put(self, key: int, frame: bytes) -> None:
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting[key] = frame

    def take_back(self, key: int) -> bool:
        """Whether the frame had not been written; it will not be now."""
        return self._waiting.pop(key, None) is not None

    def _flush(self) -> None:
        if self._waiting and not self._transport.is_closing():
            frames = list(self._waiting.values())
            self._waiting.clear()
            self._transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
