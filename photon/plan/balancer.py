"""Which controllers are asked: those that answer, as a load balancer before them finds out.

As deploy/haproxy.cfg has it: a look a second, and two that agree are believed.
"""

from __future__ import annotations

import asyncio
from typing import Final

from photon.plan.stage import Stage
from photon.simulation.requests import Lost

CHECK_SECONDS: Final = 1.0  # That file's `inter`, and its timeout of a look.
CHECK_PATH: Final = "/v1/available"
AGREE_COUNT: Final = 2
_OK: Final = 200


class Balancer:
    """Looks from when it is made until it is closed."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._usable = [True] * stage.hosts.controllers
        self._against = [0] * stage.hosts.controllers  # looks in a row that say otherwise
        self._tasks = [
            asyncio.create_task(self._watch(number)) for number in range(stage.hosts.controllers)
        ]

    def usable(self, controller: int) -> bool:
        """Also when none is: then any may be asked."""
        return self._usable[controller] or not any(self._usable)

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _watch(self, number: int) -> None:
        while True:
            answers = await self._answers(number)
            same = answers is self._usable[number]
            self._against[number] = 0 if same else self._against[number] + 1
            if self._against[number] >= AGREE_COUNT:
                self._usable[number], self._against[number] = answers, 0
            await asyncio.sleep(CHECK_SECONDS)

    async def _answers(self, number: int) -> bool:
        try:
            answer = await self._stage.world.request(
                number, "GET", CHECK_PATH, seconds=CHECK_SECONDS
            )
        except Lost:
            return False
        return answer.status == _OK
