"""A plan's answers by the scheduler alone: where VMs lie, how many fit, what may be lost."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from photon.domain.demand import NoPlacement
from photon.plan.branches import Work, played
from photon.plan.hosts import HostPlan
from photon.plan.options import Options
from photon.plan.placing.cloud import Placed, PlacingCloud
from photon.plan.placing.filling import by_zone, filled, loads_of
from photon.plan.placing.losses import survivals
from photon.plan.progress import Progress
from photon.plan.result import Fit, Mode, Result, SetOutcome, balance_of
from photon.plan.totals import totals_of
from photon.plan.workload import StandingSet, Wants, WorkloadPlan
from photon.scheduler.sentence import error_of
from photon.simulation.chance import Chance
from photon.simulation.loop import SimulatedLoop

# Of one flavor: half a minute. More are foretold, and not tried.
PLACED_FIT_MAX: Final = 200_000
NOT_PLAYED: Final = (
    "Only the scheduler ran: its tree, filters and policy, on hosts and VMs that are imagined. "
    "Nothing took time, so nothing is said of arrivals, events, and how long failures take."
)


def place_plan(
    hosts: HostPlan, workload: WorkloadPlan, options: Options, progress: Progress
) -> Result:
    """As `photon.plan.run.run_plan`, without time. Raises PlanFailed."""

    async def all_of_it() -> Result:
        progress.stage("hosts", len(hosts.hosts))
        cloud = PlacingCloud(hosts, workload, Chance(options.seed).stream("placing"))
        return await _Run(cloud, options, progress).run()

    loop = SimulatedLoop()  # It has nothing that a fork could not copy.
    try:
        with _uncollected():
            return loop.run_until_complete(all_of_it())
    finally:
        loop.bury()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Nothing here is a circle that is dropped; and what is looked through is copied by forks."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


class _Run:
    def __init__(self, cloud: PlacingCloud, options: Options, progress: Progress) -> None:
        self._cloud = cloud
        self._plan = cloud.workload
        self._options = options
        self._progress = progress

    async def run(self) -> Result:
        cloud, plan, options = self._cloud, self._plan, self._options
        fits = await self._fits("empty")
        standing: tuple[SetOutcome, ...] = ()
        if plan.standing:
            self._progress.stage("VMs that run", plan.standing_count)
            standing = tuple([await self._stand(each) for each in plan.standing])
            fits += await self._fits("loaded")
        loads = loads_of(cloud)
        kinds = plan.lost_kinds(cloud.hosts) if plan.standing else ()
        return Result(
            mode=Mode.PLACED,
            seed=options.seed,
            controllers=cloud.hosts.controllers,
            zones=totals_of(cloud.hosts),
            fits=tuple(fits),
            standing=standing,
            loads=tuple(loads),
            balance=balance_of([load.load for load in loads]),
            survivals=tuple(await survivals(cloud, kinds, self._progress, options.jobs)),
            drills=(),
            timeline=None,
            findings=tuple(cloud.audit()),
            notes=(NOT_PLAYED,),
        )

    async def _fits(self, on: str) -> list[Fit]:
        plan, most = self._plan, self._options.fit_max
        if not plan.fit:
            return []
        foretold = [(await self._cloud.foretold(Wants(name))).count for name in plan.fit]
        total = sum(min(each, most) for each in foretold)
        self._progress.stage(f"VMs that fit on {on} hosts", total)
        works = [self._fit(name, on) for name in plan.fit]
        return await played(works, Fit, self._progress, self._options.jobs)

    def _fit(self, flavor: str, on: str) -> Work[Fit]:
        return lambda progress: filled(self._cloud, flavor, on, self._options.fit_max, progress)

    async def _stand(self, standing: StandingSet) -> SetOutcome:
        made: list[Placed] = []
        refusal = ""
        for _ in range(standing.count):
            found = await self._cloud.place(standing.name, standing.wants)
            if not isinstance(found, NoPlacement):
                made.append(found)
            elif not refusal:
                demand = self._cloud.demand_of("", standing.name, standing.wants)
                refusal = str(error_of(demand, found))
            self._progress.step()
        await self._cloud.settle()
        return SetOutcome(
            name=standing.name,
            flavor=standing.wants.flavor,
            asked=standing.count,
            made=len(made),
            started=0,
            refused=standing.count - len(made),
            failed=0,
            ended=0,
            by_zone=by_zone(self._cloud, made),
            refusal=refusal,
        )
