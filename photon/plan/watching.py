"""Samples of the simulated cloud over time, and waiting until it is as it should become."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import msgspec

from photon.plan.looking import View, look, sample
from photon.plan.result import Sample
from photon.plan.stage import Stage
from photon.store.nouns import MISSING_HOSTS, VMS
from photon.store.protocol import Change

POLL_SECONDS: Final = 0.25  # So precise are all times that a plan tells.
SAMPLE_SECONDS_MIN: Final = 0.5
# With more VMs than this, a look at all of them costs so much that it is done less often.
VMS_A_LOOK: Final = 2_000
_SHOWN: Final = (VMS.name, MISSING_HOSTS.name)


async def until(
    stage: Stage, holds: Callable[[], Awaitable[bool]], *, seconds_max: float
) -> float | None:
    """How long it took; None: it did not come to hold within `seconds_max`."""
    began = stage.now
    while not await holds():
        if stage.now - began >= seconds_max:
            return None
        await asyncio.sleep(POLL_SECONDS)
    return round(stage.now - began, 3)


class Sampler:
    """Takes a sample every so often, and looks only when something changed. `refused` tells how
    many VMs found no room so far."""

    def __init__(
        self, stage: Stage, refused: Callable[[], int], *, seconds: float = SAMPLE_SECONDS_MIN
    ) -> None:
        self.samples: list[Sample] = []
        self._stage = stage
        self._refused = refused
        self._seconds = max(seconds, SAMPLE_SECONDS_MIN)
        self._began = stage.now
        self._changed = True
        self._view = View()
        self._unsubscribe = stage.world.store.subscribe(self._heard)
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            await self.take()
            await asyncio.sleep(self._seconds * max(1.0, len(self._view.vms) / VMS_A_LOOK))

    async def take(self) -> View:
        """One now."""
        if self._changed:
            self._changed = False
            self._view = await look(self._stage)
        at = self._stage.now - self._began
        taken = sample(self._stage, self._view, at, self._refused())
        if not self._is_as_before(taken):
            self.samples.append(taken)
        return self._view

    async def close(self) -> Sequence[Sample]:
        """All samples, with one of this moment."""
        self._unsubscribe()
        self._task.cancel()
        await self.take()
        return self.samples

    def _is_as_before(self, taken: Sample) -> bool:
        """Of three that say the same, the one between is left out: the plots are steps."""
        samples = self.samples
        if len(samples) >= 2 and all(_same(taken, each) for each in samples[-2:]):
            samples[-1] = taken
            return True
        return False

    def _heard(self, changes: Sequence[Change]) -> None:
        if not self._changed:
            self._changed = any(change.noun in _SHOWN for change in changes)


def _same(one: Sample, other: Sample) -> bool:
    return msgspec.structs.replace(one, at=other.at) == other
