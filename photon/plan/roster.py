"""Who lives on the simulated cloud: VMs by the set that they belong to, and what was refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from photon.plan.bounded import bounded
from photon.plan.hosts import HostPlan
from photon.plan.looking import View, by_zone, look
from photon.plan.progress import Progress
from photon.plan.result import NotMade, SetOutcome
from photon.plan.site import at_once
from photon.plan.stage import Stage
from photon.plan.vms import Made, delete_vm, make_vm, numbered, spec_of
from photon.plan.workload import StandingSet, Wants

# What was deleted a moment ago may count in its group still; who is refused asks once more.
TRY_AGAIN_SECONDS: Final = 5.0


@dataclass(slots=True)
class Life:
    """One VM of a set. Made again elsewhere, it has another id, and is the same life."""

    set_name: str
    wants: Wants
    vm_id: str
    ended: bool = False


@dataclass(slots=True)
class Tally:
    """What became of one set's VMs."""

    name: str
    flavor: str
    starts: bool
    asked: int = 0
    made: int = 0
    refused: int = 0
    failed: int = 0
    started: int = 0
    ended: int = 0
    refusal: str = ""
    failure: str = ""

    def count(self, made: Made) -> None:
        self.asked += 1
        if made.error is None:
            self.made += 1
            self.started += self.starts and not made.unstarted
            self.failure = self.failure or made.unstarted
        elif made.no_room:
            self.refused += 1
            self.refusal = self.refusal or made.error.message
        else:
            self.failed += 1
            self.failure = self.failure or made.error.message


@dataclass(slots=True)
class Replaced:
    """Of the VMs that were to be made again: their ids, and when the last of them was; by set, why
    others were not."""

    made: list[str] = field(default_factory=list)
    last_at: float | None = None
    refused: dict[str, list[str]] = field(default_factory=dict)

    @property
    def not_made(self) -> int:
        return sum(map(len, self.refused.values()))

    def refusals(self) -> tuple[NotMade, ...]:
        return tuple(NotMade(name, len(each), each[0]) for name, each in self.refused.items())


class Roster:
    def __init__(self, stage: Stage) -> None:
        self.tallies: dict[str, Tally] = {}
        self._stage = stage
        self._at_once = at_once(stage.hosts)
        self._starts = stage.workload.start
        self._lives: dict[str, Life] = {}  # by the VM's id
        self._next_names: dict[str, Callable[[], str]] = {}

    async def make(self, set_name: str, wants: Wants) -> Life | None:
        """None when it could not be made; the set's tally says why."""
        tally = self.tallies.setdefault(set_name, Tally(set_name, wants.flavor, self._starts))
        made = await self._make(set_name, wants)
        tally.count(made)
        return self._lives.get(made.vm_id)

    async def end(self, life: Life) -> None:
        """Deletes it, wherever it is now; if it is on no host any more, that is an end too."""
        life.ended = True
        self._lives.pop(life.vm_id, None)
        await delete_vm(self._stage, life.vm_id, stop=self._starts)
        self.tallies[life.set_name].ended += 1

    def on(self, view: View, addresses: Iterable[str]) -> list[Life]:
        """Those whose VM is on one of these hosts."""
        host_ids = {self._stage.ground.host_ids[address] for address in addresses}
        return [
            life
            for vm_id, life in self._lives.items()
            if (vm := view.vms.get(vm_id)) is not None and vm.host_id in host_ids
        ]

    async def replace(
        self, lives: Iterable[Life], progress: Progress, replaced: Replaced, *, delete_first: bool
    ) -> None:
        """Makes each again, where there is room. `delete_first` if they are lost already: what is
        lost counts in its group, and in the quota, until it is deleted."""
        own = [life for life in lives if self._lives.pop(life.vm_id, None) is not None]
        if delete_first:
            await bounded((delete_vm(self._stage, life.vm_id) for life in own), self._at_once)
        for pause_seconds in (0.0, TRY_AGAIN_SECONDS):
            await asyncio.sleep(pause_seconds if own else 0.0)
            replaced.refused.clear()

            async def one(life: Life) -> bool:
                return await self._replace(life, replaced, delete_first=delete_first)

            done = await bounded((one(life) for life in own), self._at_once)
            for _ in filter(None, done):
                progress.step()
            own = [life for life, is_done in zip(own, done, strict=True) if not is_done]
        for life in own:
            progress.step()
            if not delete_first:
                self._lives[life.vm_id] = life

    async def _replace(self, life: Life, replaced: Replaced, *, delete_first: bool) -> bool:
        """False: there was no room."""
        if life.ended:
            return True
        old = life.vm_id
        made = await self._make(life.set_name, life.wants, life)
        if made.error is not None:
            replaced.refused.setdefault(life.set_name, []).append(made.error.message)
            return False
        if not delete_first:
            await delete_vm(self._stage, old, stop=self._starts)
        replaced.made.append(made.vm_id)
        replaced.last_at = self._stage.now
        return True

    async def _make(self, set_name: str, wants: Wants, life: Life | None = None) -> Made:
        next_name = self._next_names.setdefault(set_name, numbered(set_name))
        spec = spec_of(self._stage, next_name(), wants, set_name)
        made = await make_vm(self._stage, spec, start=self._starts)
        if made.error is None:
            known = life or Life(set_name, wants, made.vm_id)
            known.vm_id = made.vm_id
            self._lives[made.vm_id] = known
        return made

    async def outcomes(self, names: Iterable[str]) -> tuple[SetOutcome, ...]:
        """Of these sets, as far as they were begun."""
        view = await look(self._stage)
        return tuple(
            self._outcome(self.tallies[name], view) for name in names if name in self.tallies
        )

    def _outcome(self, tally: Tally, view: View) -> SetOutcome:
        own = [vm_id for vm_id, life in self._lives.items() if life.set_name == tally.name]
        return SetOutcome(
            name=tally.name,
            flavor=tally.flavor,
            asked=tally.asked,
            made=tally.made,
            started=tally.started,
            refused=tally.refused,
            failed=tally.failed,
            ended=tally.ended,
            by_zone=by_zone(self._stage, view, own),
            refusal=tally.refusal,
            failure=tally.failure,
        )


async def stand(
    roster: Roster, hosts: HostPlan, sets: Iterable[StandingSet], progress: Progress
) -> None:
    """Makes every VM that is to be there before anything happens, one set after the other."""
    for each in sets:

        async def one(standing: StandingSet = each) -> None:
            await roster.make(standing.name, standing.wants)
            progress.step()

        await bounded((one() for _ in range(each.count)), at_once(hosts))
