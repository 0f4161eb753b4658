"""The two rounds of a member: it renews its place in time, and looks when something was heard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from photon.outside.clock import Clock

Act = Callable[[], Awaitable[None]]

log = logging.getLogger(__name__)


class Rounds:
    """`away` are the errors by which the others cannot be seen for a while; `blind` is told of each
    act that failed."""

    def __init__(
        self, clock: Clock, away: tuple[type[Exception], ...], blind: Callable[[], None]
    ) -> None:
        self._clock = clock
        self._away = away
        self._blind = blind
        self._ended = False
        self._running: list[asyncio.Task[None]] = []
        self.look_again = asyncio.Event()

    def start(self, renew_seconds: float, beat: Act, look: Act) -> None:
        self._running = [
            asyncio.create_task(self._keep(renew_seconds, beat), name="coordination-lease"),
            asyncio.create_task(self._follow(look), name="coordination-look"),
        ]

    def end(self) -> None:
        """No further round begins."""
        self._ended = True

    async def stop(self) -> None:
        self._ended = True
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _keep(self, renew_seconds: float, beat: Act) -> None:
        while not self._ended:
            await self._clock.sleep(renew_seconds)
            await self._quietly(beat)

    async def _follow(self, look: Act) -> None:
        while not self._ended:
            await self.look_again.wait()
            self.look_again.clear()
            await self._quietly(look)

    async def _quietly(self, act: Act) -> None:
        try:
            await act()
        except self._away as problem:
            self._blind()
            if not self._ended:
                log.warning("the members of this deployment cannot be seen now: %s", problem)
        except Exception:  # Without heartbeats this member would be taken for dead.
            self._blind()
            log.exception("a heartbeat failed; the next one follows")
