"""Whether a member leads, and who waits until it does: the same wherever that is decided."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Leading:
    """`number` is the fencing number, as long as this member is known to have the office; `holds`
    says whether it may act upon it now. See photon.coordination.protocol.Leadership."""

    def __init__(self, holds: Callable[[], bool]) -> None:
        self._holds = holds
        self._seen = asyncio.Event()
        self.number: int | None = None
        self.resigned = False

    def fence(self) -> int | None:
        return self.number if self._holds() else None

    async def wait(self) -> int:
        while True:
            assert not self.resigned, "who resigned does not lead again"
            fence = self.fence()
            if fence is not None:
                return fence
            self._seen.clear()
            await self._seen.wait()

    def resign(self) -> None:
        self.resigned = True
        self.number = None

    def tell(self) -> None:
        """Something was seen: who waits looks again."""
        self._seen.set()
