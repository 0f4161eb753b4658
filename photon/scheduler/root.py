"""The root of the scheduler tree: a branch, as sagas see it. Each controller has one."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from random import Random
from typing import Any

from photon.domain.demand import Demand, NoPlacement, Placement
from photon.domain.fits import Fits
from photon.outside.clock import Clock, RealClock
from photon.scheduler.branch import Branch
from photon.scheduler.protocol import ChildNode


class Root:
    """Over one child it is a door, for which time does not matter; a `clock` is for several, and
    for what comes and goes."""

    def __init__(
        self, children: Sequence[ChildNode], random: Random, clock: Clock | None = None
    ) -> None:
        assert clock is not None or len(children) == 1, "summaries of several children get old"
        branch = Branch(random, clock or RealClock())
        for number, child in enumerate(children):
            branch.add(child, f"child-{number}")
        self.branch = branch

    # None of these is `async`: each hands on the branch's call, which is what its caller awaits.

    def place(self, demand: Demand) -> Coroutine[Any, Any, Placement | NoPlacement]:
        return self.branch.place(demand)

    def fits(self, demand: Demand) -> Coroutine[Any, Any, Fits]:
        return self.branch.fits(demand)

    def hold(self, demand: Demand, placement: Placement) -> Coroutine[Any, Any, None]:
        return self.branch.hold(demand, placement)

    def confirm(self, demand: Demand, placement: Placement) -> Coroutine[Any, Any, None]:
        return self.branch.confirm(demand, placement)

    def release(self, demand_id: str, host_id: str) -> Coroutine[Any, Any, None]:
        return self.branch.release(demand_id, host_id)

    def refused(self, placement: Placement, reason: str) -> Coroutine[Any, Any, None]:
        return self.branch.refused(placement, reason)
