"""What if this died? It is gone for a while, VMs are made elsewhere, and it comes back."""

from __future__ import annotations

import asyncio
from typing import Final

from photon.domain.guest import GuestState
from photon.plan.failures import failure_of
from photon.plan.looking import by_zone, debts, look, missing
from photon.plan.probing import Prober
from photon.plan.progress import Progress
from photon.plan.result import Drill, DrillSample, Moment
from photon.plan.roster import Replaced, Roster
from photon.plan.stage import Stage
from photon.plan.watching import POLL_SECONDS, until

# Many times what the product promises: what takes longer does not happen, and the report says so.
KNOWN_SECONDS_MAX: Final = 300.0
BACK_SECONDS_MAX: Final = 900.0


async def drilled(stage: Stage, roster: Roster, kind: str, name: str, progress: Progress) -> Drill:
    """Changes the cloud for good: play it in a branch. Raises PlanFailed."""
    return await _Drilling(stage, roster, kind, name).run(progress)


class _Drilling:
    def __init__(self, stage: Stage, roster: Roster, kind: str, name: str) -> None:
        self._stage = stage
        self._roster = roster
        self._kind = kind
        self._name = name
        self._failure = failure_of(stage, kind, name)
        self._addresses = self._failure.addresses
        self._began = stage.now
        self._moments: list[Moment] = []
        self._samples: list[DrillSample] = []
        self._replaced = Replaced()

    async def run(self, progress: Progress) -> Drill:
        stage, replaced = self._stage, self._replaced
        there = self._roster.on(await look(stage), self._addresses)
        lost = there if self._failure.loses_guests else []
        ran = await running(stage)
        await self._failure.strike()
        prober = Prober(stage)
        self._note("it dies")
        stopped = ran - await running(stage)
        noting = asyncio.create_task(self._sample(len(lost)))
        first, every = await self._known()
        if lost:
            prober.pause()
            await self._roster.replace(lost, progress, replaced, delete_first=True)
            prober.resume()
        if lost:
            self._note(f"{len(replaced.made)} of {len(lost)} VMs are made again elsewhere")
        outage = max(stage.workload.outage_seconds, stage.now - self._began)
        await asyncio.sleep(self._began + outage - stage.now)
        if not lost:
            stopped |= ran - await running(stage)
        self._note("it comes back")
        back, settled = await self._back(prober)
        probes = await prober.close()
        view = await look(stage)
        noting.cancel()
        await self._take(len(lost))
        return Drill(
            kind=self._kind,
            name=self._name,
            hosts=len(self._addresses),
            vms=len(there),
            lost=len(lost),
            stopped=len(stopped),
            first_missing=first,
            all_missing=every,
            replaced=len(replaced.made),
            not_replaced=replaced.not_made,
            refusals=replaced.refusals(),
            replaced_after=self._since(replaced),
            by_zone=by_zone(stage, view, replaced.made),
            outage=round(outage, 3),
            back_after=back,
            settled_after=settled,
            probes=probes,
            moments=tuple(self._moments),
            samples=tuple(self._samples),
        )

    async def _sample(self, lost: int) -> None:
        while True:
            await self._take(lost)
            await asyncio.sleep(POLL_SECONDS)

    async def _take(self, lost: int) -> None:
        """Notes what is so now, if it was not so before: plots are steps."""
        gone = len(await missing(self._stage))
        taken = DrillSample(self._elapsed(), lost - len(self._replaced.made), gone)
        last = self._samples[-1] if self._samples else None
        if last is None or (last.down, last.hosts_missing) != (taken.down, taken.hosts_missing):
            self._samples.append(taken)

    async def _known(self) -> tuple[float | None, float | None]:
        """After how long the first, and all of its hosts, were MISSING."""
        addresses = frozenset(self._addresses)
        if not addresses:
            return None, None

        async def some() -> bool:
            return bool(addresses & await missing(self._stage))

        async def every() -> bool:
            return addresses <= await missing(self._stage)

        first = await until(self._stage, some, seconds_max=KNOWN_SECONDS_MAX)
        rest = await until(self._stage, every, seconds_max=KNOWN_SECONDS_MAX)
        if rest is not None:
            self._note("all its hosts are MISSING")
        return first, None if rest is None else self._elapsed()

    async def _back(self, prober: Prober) -> tuple[float | None, float | None]:
        """After how long it can be used again, and owes nothing."""
        stage, addresses = self._stage, frozenset(self._addresses)
        began = stage.now

        async def none() -> bool:
            if not addresses:
                return prober.answered_since(began) is not None
            return not addresses & await missing(stage)

        async def paid() -> bool:
            return not await debts(stage, self._addresses)

        await self._failure.heal()
        back = await until(stage, none, seconds_max=BACK_SECONDS_MAX)
        if back is not None:
            back = round(stage.now - began, 3)
            self._note("all its hosts are back" if addresses else "VMs are made as before")
        paid_up = await until(stage, paid, seconds_max=BACK_SECONDS_MAX)
        if paid_up is None:
            return back, None
        self._note("all is settled")
        return back, round(stage.now - began, 3)

    def _since(self, replaced: Replaced) -> float | None:
        return None if replaced.last_at is None else round(replaced.last_at - self._began, 3)

    def _elapsed(self) -> float:
        return round(self._stage.now - self._began, 3)

    def _note(self, what: str) -> None:
        self._moments.append(Moment(self._elapsed(), what))


async def running(stage: Stage) -> set[str]:
    """The VMs whose guests run, as their hosts know it."""
    return {
        guest.vm_id
        for agent in stage.world.agents.values()
        for driver in agent.drivers.values()
        for guest in await driver.guests()
        if guest.state is GuestState.STARTED
    }
