"""How many fit: VMs of one flavor are made through the API, until none finds room."""

from __future__ import annotations

import asyncio
from typing import Final

from photon.plan.bounded import bounded
from photon.plan.looking import by_zone, loads_of, look
from photon.plan.problems import PlanFailed
from photon.plan.progress import Progress
from photon.plan.result import Fit, Reason, balance_of, nearest_told
from photon.plan.site import at_once
from photon.plan.stage import Stage
from photon.plan.vms import capacity_spec_of, make_vm, numbered, spec_of
from photon.plan.workload import Wants
from photon.wire.v1.capacity import Capacity
from photon.wire.v1.placement import PlacementRefusal, VmDryRun
from photon.wire.v1.vm import VmCreateSpec

# One that finds no room may have come a moment too early: summaries rise once a second, and what a
# host refused is asked of it again after a quarter of a minute.
SETTLE_SECONDS: Final = 20.0
REFUSED_IN_A_ROW: Final = 2  # After the settling; the second is for whoever does not trust one.
# A VM fails for another reason than room only if something is wrong; some are borne.
FAILURES_MAX: Final = 10


async def filled(stage: Stage, flavor: str, on: str, most: int, progress: Progress) -> Fit:
    """Raises PlanFailed: VMs fail for reasons that have nothing to do with room."""
    wants = Wants(flavor)
    said = await foretold_of(stage, wants)
    began = stage.now
    filling = _Filling(stage, wants, most, progress)
    await filling.run()
    took_seconds = stage.now - began
    view = await look(stage)
    refusal = await _refusal(stage, filling.spec())
    return Fit(
        flavor=flavor,
        on=on,
        made=len(filling.made),
        scheduler_said=said.on_hosts,
        exact=said.exact,
        by_zone=by_zone(stage, view, filling.made),
        said_by_zone={zone.name: zone.count for zone in said.zones},
        runs_out_first=_runs_out_first(refusal),
        why=tuple(
            Reason(each.reason, each.hosts, each.needed, each.best)
            for each in (refusal.reasons if refusal else [])
        ),
        nearest=nearest_told(refusal.nearest.host, refusal.nearest.lacks)
        if refusal and refusal.nearest
        else "",
        balance=balance_of([load.load for load in loads_of(stage, view)]),
        took_seconds=round(took_seconds, 3),
        stopped_early=filling.stopped_early,
    )


class _Filling:
    """Many at a time until one finds no room; then one at a time, until none does for sure."""

    def __init__(self, stage: Stage, wants: Wants, most: int, progress: Progress) -> None:
        self.made: list[str] = []
        self.stopped_early = False
        self._stage = stage
        self._wants = wants
        self._most = most
        self._progress = progress
        self._next_name = numbered(f"fit-{wants.flavor}")
        self._begun = 0
        self._failures: list[str] = []

    def spec(self) -> VmCreateSpec:
        return spec_of(self._stage, self._next_name(), self._wants)

    async def run(self) -> None:
        many = at_once(self._stage.hosts)
        await bounded((self._while_there_is_room() for _ in range(many)), many)
        refused = 0
        while refused < REFUSED_IN_A_ROW and not self.stopped_early:
            await asyncio.sleep(SETTLE_SECONDS if not refused else 1.0)
            refused = refused + 1 if not await self._while_there_is_room() else 0

    async def _while_there_is_room(self) -> int:
        """How many were made."""
        count = 0
        while True:
            if self._begun >= self._most:
                self.stopped_early = True
                return count
            self._begun += 1
            made = await make_vm(self._stage, self.spec())
            if made.error is None:
                self.made.append(made.vm_id)
                self._progress.step()
                count += 1
                continue
            self._begun -= 1
            if made.no_room:
                return count
            self._failures.append(made.error.message)
            if len(self._failures) > FAILURES_MAX:
                raise PlanFailed(f"VMs of {self._wants.flavor} fail: {self._failures[0]}")


async def foretold_of(stage: Stage, wants: Wants) -> Capacity:
    """How many more would fit, as `photon capacity` answers."""
    path = f"/v1/projects/{stage.ground.project_id}/capacity"
    return await stage.client.post(path, capacity_spec_of(stage, wants), Capacity)


async def _refusal(stage: Stage, spec: VmCreateSpec) -> PlacementRefusal | None:
    """Why no more fit, from a dry run; None when one more would."""
    path = f"/v1/projects/{stage.ground.project_id}/vms?dry_run=true"
    return (await stage.client.post(path, spec, VmDryRun)).refusal


def _runs_out_first(refusal: PlacementRefusal | None) -> str:
    """What the host that came nearest lacks: others may never have been able to take one."""
    if refusal is None:
        return ""
    if refusal.nearest is not None and refusal.nearest.lacks:
        return refusal.nearest.lacks[0].reason
    return refusal.reasons[0].reason if refusal.reasons else ""
