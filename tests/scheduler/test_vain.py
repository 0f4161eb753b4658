"""However many doors hang at once, one demand does not wait for each of them in turn."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack
from typing import Any, cast

from photon.domain.demand import Demand, NoPlacement, Placement
from photon.outside.clock import RealClock
from photon.scheduler.pace import Pace
from photon.scheduler.protocol import ChildNode
from photon.scheduler.root import Root
from photon.scheduler.vain import DEMANDS_MAX, FORGOTTEN_SECONDS, VAIN_SECONDS_MAX, Vain
from tests.scheduler.cloud import TurnedClock, a_demand, placed
from tests.scheduler.doors import SteppedClock, a_remote_door, an_open_door, heard, leaf_of

CALL_SECONDS = 0.4


class Hanging:
    """A leaf whose summary says that it has room; whoever asks it never hears of it again."""

    def __init__(self, host_id: str) -> None:
        self._leaf = leaf_of(host_id)
        self.asked = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._leaf, name)

    async def place(self, demand: Demand) -> Placement | NoPlacement:
        self.asked += 1
        await asyncio.Event().wait()
        raise AssertionError("nobody sets it")


async def test_what_one_demand_waits_for_doors_that_hang_is_bounded_in_all() -> None:
    leaves = [Hanging(f"h{number}") for number in range(4)]
    pace = Pace(CALL_SECONDS, 100, 0.01, Vain(RealClock(), 1.5 * CALL_SECONDS))
    async with AsyncExitStack() as stack:
        nodes = []
        for leaf in leaves:
            endpoint = await stack.enter_async_context(an_open_door(cast(ChildNode, leaf)))
            door = await stack.enter_async_context(a_remote_door(endpoint, pace=pace))
            nodes.append(door.node("node-0", leaf.owns))
        for node in nodes:
            await heard(node)
        for node in nodes:
            assert isinstance(await node.place(a_demand("vm-1")), NoPlacement)
        assert [leaf.asked for leaf in leaves] == [1, 1, 0, 0], "and the second for half the time"
        # Another demand has waited for nobody yet.
        assert isinstance(await nodes[3].place(a_demand("vm-2")), NoPlacement)
        assert leaves[3].asked == 1
        mine = leaf_of("here")
        root = Root([*nodes[:3], mine], random.Random(1), clock=RealClock())
        assert placed(await root.place(a_demand("vm-1"))).host_id == "here"


def test_what_was_waited_adds_up_and_is_forgotten() -> None:
    clock = SteppedClock()
    vain = Vain(clock)
    vain.waited("d", 2.0)
    assert vain.left("d") == VAIN_SECONDS_MAX - 2.0
    vain.waited("d", 2.0)
    assert vain.left("d") == 0.0
    assert vain.left("e") == VAIN_SECONDS_MAX
    clock.seconds += FORGOTTEN_SECONDS
    assert vain.left("d") == VAIN_SECONDS_MAX


def test_so_many_demands_are_remembered_and_no_more() -> None:
    vain = Vain(TurnedClock())
    for number in range(DEMANDS_MAX + 1):
        vain.waited(f"d{number}", 9.0)
    assert vain.left("d0") == VAIN_SECONDS_MAX
    assert vain.left("d1") == 0.0
