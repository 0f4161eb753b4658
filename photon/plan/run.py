"""A plan from its files' content to its result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from photon.plan.branches import Work, played
from photon.plan.drill import drilled
from photon.plan.fill import filled, foretold_of
from photon.plan.hosts import HostPlan
from photon.plan.kinds import names_of
from photon.plan.looking import View, loads_of, look
from photon.plan.options import Options
from photon.plan.placing.losses import survivals
from photon.plan.placing.mirror import mirrored
from photon.plan.play import played_out
from photon.plan.progress import Progress
from photon.plan.result import Drill, Fit, Mode, Result, Survival, balance_of
from photon.plan.roster import Roster, stand
from photon.plan.settling import settled
from photon.plan.site import HOSTS_ALONE_MAX, size_of
from photon.plan.stage import Stage, set_stage
from photon.plan.totals import totals_of
from photon.plan.workload import Wants, WorkloadPlan
from photon.simulation.world import World, play
from photon.wire.v1.system import AuditFinding

# Each is the whole cloud for some minutes of its time. With many hosts those are dear, and
# racks are alike: whether each may be lost is told of all of them, by the scheduler alone.
DRILLS_A_KIND_MAX: Final = 12
DRILLS_OF_MANY_MAX: Final = 1
MANY_HOSTS: Final = 1_000


def run_plan(
    hosts: HostPlan, workload: WorkloadPlan, options: Options, progress: Progress
) -> Result:
    """Raises PlanFailed."""

    async def scene(world: World) -> Result:
        stage = await set_stage(world, hosts, workload, progress)
        await settled(stage)
        return await _Run(stage, options, progress).run()

    return play(options.seed, size_of(hosts, workload), scene)


class _Run:
    def __init__(self, stage: Stage, options: Options, progress: Progress) -> None:
        self._stage = stage
        self._plan = stage.workload
        self._options = options
        self._progress = progress
        self._roster = Roster(stage)
        self._left_out: list[str] = []

    async def run(self) -> Result:
        """What is only tried is tried in branches; the last part is what really happens."""
        stage, plan, roster = self._stage, self._plan, self._roster
        fits = await self._fits("empty")
        if plan.standing:
            self._progress.stage("VMs that run", plan.standing_count)
            await stand(roster, stage.hosts, plan.standing, self._progress)
            fits += await self._fits("loaded")
        standing = await roster.outcomes([each.name for each in plan.standing])
        loads = loads_of(stage, await look(stage))
        kept = await self._survivals() if plan.standing else []
        drills = await self._drills() if plan.standing else []
        timeline = await played_out(stage, roster, self._progress)
        return Result(
            mode=Mode.PLAYED,
            seed=self._options.seed,
            controllers=stage.hosts.controllers,
            zones=totals_of(stage.hosts),
            fits=tuple(fits),
            standing=standing,
            loads=tuple(loads),
            balance=balance_of([load.load for load in loads]),
            survivals=tuple(kept),
            drills=tuple(drills),
            timeline=timeline,
            findings=tuple(await self._audit()),
            notes=tuple(self._notes()),
        )

    async def _fits(self, on: str) -> list[Fit]:
        if not self._plan.fit:
            return []
        foretold = [
            (await foretold_of(self._stage, Wants(flavor))).on_hosts for flavor in self._plan.fit
        ]
        total = sum(min(each, self._options.fit_max) for each in foretold)
        self._progress.stage(f"VMs that fit on {on} hosts", total)
        works = [self._fit(flavor, on) for flavor in self._plan.fit]
        return await played(works, Fit, self._progress, self._options.jobs)

    def _fit(self, flavor: str, on: str) -> Work[Fit]:
        return lambda progress: filled(self._stage, flavor, on, self._options.fit_max, progress)

    async def _survivals(self) -> list[Survival]:
        kinds = self._plan.lost_kinds(self._stage.hosts)
        if not kinds:
            return []
        cloud = await mirrored(self._stage, self._roster)
        return await survivals(cloud, kinds, self._progress, self._options.jobs)

    async def _drills(self) -> list[Drill]:
        chosen = await self._chosen()
        if not chosen:
            return []
        self._progress.stage("drills: VMs made again", sum(lost for _, _, lost in chosen))
        works = [self._drill(kind, name) for kind, name, _ in chosen]
        return await played(works, Drill, self._progress, self._options.jobs)

    async def _chosen(self) -> list[tuple[str, str, int]]:
        """What dies: kind, name, and the VMs that are lost with it. Of many of a kind those with
        the most VMs, in the order of the file."""
        view, hosts = await look(self._stage), self._stage.hosts
        most = DRILLS_A_KIND_MAX if len(hosts.hosts) <= MANY_HOSTS else DRILLS_OF_MANY_MAX
        chosen: list[tuple[str, str, int]] = []
        for kind in self._plan.drills:
            names = names_of(hosts, kind)
            weights = {name: _vms_on(view, hosts.addresses(kind, name)) for name in names}
            kept = sorted(names, key=lambda name: -weights[name])[:most]
            if len(kept) < len(names):
                what = f"{len(kept)} of {len(names):,} {kind}s"
                self._left_out.append(f"Drills were played of {what}, those with the most VMs.")
            chosen += [(kind, name, weights[name]) for name in names if name in kept]
        return chosen

    def _drill(self, kind: str, name: str) -> Work[Drill]:
        return lambda progress: drilled(self._stage, self._roster, kind, name, progress)

    async def _audit(self) -> Sequence[str]:
        ended = await self._stage.client.do("/v1/system/audit")
        if ended.error is not None:
            return [f"nothing, for it failed: {ended.error.message}"]
        findings = msgspec.convert(ended.answer["findings"], list[AuditFinding])
        return [f"{each.invariant} of {each.id}: {each.problem}" for each in findings]

    def _notes(self) -> list[str]:
        notes = [*self._left_out]
        if not self._plan.start:
            notes.append("VMs are made and not started: the workload's file wants it so.")
        if len(self._stage.hosts.hosts) > HOSTS_ALONE_MAX:
            notes.append(
                "Hosts of one rack share an agent here, so that they are missed and come back at "
                "the same moment; in earnest each has its own."
            )
        return notes


def _vms_on(view: View, addresses: Iterable[str]) -> int:
    return sum(view.holding[address].vms for address in addresses if address in view.holding)
