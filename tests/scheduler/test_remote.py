"""Nodes behind a door that dies, hangs or loses messages: the search goes on without them."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from random import Random

import msgspec

from photon.domain.demand import Demand, NoPlacement, Placement, Reason, ReasonCount
from photon.domain.errors import Kind
from photon.domain.fits import Fits
from photon.outside.clock import RealClock
from photon.scheduler.capacity import capacity_of
from photon.scheduler.errors import NodesSilent
from photon.scheduler.leaf import Leaf
from photon.scheduler.node_messages import Confirm, Release, notice_to
from photon.scheduler.pace import Pace
from photon.scheduler.remote import TIMEOUTS_MAX
from photon.scheduler.root import Root
from photon.scheduler.seats import Seat
from photon.scheduler.sentence import error_of
from photon.scheduler.summary import silence
from tests.scheduler.cloud import (
    TurnedClock,
    a_demand,
    a_view,
    an_inventory,
    placed,
    refused,
)
from tests.scheduler.doors import (
    HASTY,
    HOST_MIB,
    SECONDS,
    a_door,
    a_remote_door,
    all_silent,
    an_open_door,
    heard,
    leaf_of,
    node_of,
    silent,
    until,
)
from tests.scheduler.faulty import FaultyNetwork

# --- a door that is not there --------------------------------------------------------------------


async def test_of_a_door_that_never_answered_all_hosts_are_silent_and_none_refuses() -> None:
    leaf = leaf_of("h0")
    async with a_remote_door("127.0.0.1:1") as door:
        node = node_of(door, leaf, hosts=256)
        answer = refused(await node.place(a_demand()))
        assert answer == NoPlacement(256, all_silent(256))
        assert await node.fits(a_demand()) == Fits(256, reasons=all_silent(256), exact=False)
        await node.confirm(a_demand(), placed(await leaf.place(a_demand())))
        await node.release("vm-1", "h0")


async def test_a_refusal_that_could_not_ask_all_is_to_be_tried_again_and_says_so() -> None:
    async with a_remote_door("127.0.0.1:1") as door:
        full = leaf_of("h0")
        root = Root([full, node_of(door, leaf_of("h1"), hosts=3)], Random(1), RealClock())
        demand = a_demand(memory_mib=HOST_MIB + 1)
        refusal = refused(await root.place(demand))
        error = error_of(demand, refusal)
        assert isinstance(error, NodesSilent)
        assert error.kind is Kind.UNAVAILABLE
        assert str(error).startswith(
            "4 hosts asked: 3 could not be asked since their scheduler nodes do not answer, "
            "1 lacks memory (needed 8193 MiB, largest free 8192); "
        )
        assert str(error).endswith("; try again in a minute, and check that all controllers run")
        capacity = capacity_of(await root.fits(a_demand(memory_mib=HOST_MIB)))
        assert (capacity.count, capacity.exact) == (1, False)


async def test_what_a_silent_node_s_hosts_are_is_known_though_not_what_they_have() -> None:
    leaf = Leaf(TurnedClock())
    leaf.put_host(a_view("h0", zone_id="z0"))
    leaf.report(an_inventory("h0"))
    async with AsyncExitStack() as stack:
        endpoint = await stack.enter_async_context(an_open_door(leaf))
        network = FaultyNetwork()
        door = await stack.enter_async_context(a_remote_door(endpoint, network, HASTY))
        node = node_of(door, leaf)
        await heard(node)
        network.is_cut = True
        await silent(node)
        root = Root([node, leaf_of("h1")], Random(1), RealClock())
        elsewhere = refused(await root.place(a_demand(zone_id="z9")))
        assert elsewhere.reasons == (ReasonCount(Reason.OTHER_ZONE, 2),)
        here = refused(await root.place(a_demand(zone_id="z0")))
        assert {each.reason for each in here.reasons} == {Reason.NODE_SILENT, Reason.OTHER_ZONE}


# --- a door that hangs, and a network that loses -------------------------------------------------


async def test_a_door_that_hangs_costs_one_call_s_time_and_then_none() -> None:
    leaves = [leaf_of("h0"), leaf_of("h1")]
    network = FaultyNetwork()
    async with (
        an_open_door(leaves[0]) as endpoint,
        a_remote_door(endpoint, network, HASTY) as door,
    ):
        node = node_of(door, leaves[0])
        await heard(node)
        network.is_cut = True
        asked = [node.place(a_demand(f"vm-{number}")) for number in range(50)]
        answers = await asyncio.gather(*asked)
        assert [refused(answer).reasons for answer in answers] == [all_silent(1)] * 50
        calls = len(network.calls)
        for number in range(50):
            refused(await node.place(a_demand(f"vm-{number}")))
        assert network.calls[calls:].count("place") == 0
        root = Root([node, leaves[1]], Random(1), RealClock())
        assert placed(await root.place(a_demand())).host_id == "h1"


async def test_an_answer_that_was_lost_is_given_again() -> None:
    leaf = leaf_of("h0", "h1")
    network = FaultyNetwork()
    async with an_open_door(leaf) as endpoint, a_remote_door(endpoint, network, HASTY) as door:
        node = node_of(door, leaf)
        await heard(node)
        network.lost_answers = 1.0
        assert refused(await node.place(a_demand())).reasons == all_silent(2)
        (host_id,) = [host for host in ("h0", "h1") if leaf.held(host)]
        network.lost_answers = 0.0
        await until(lambda: door.is_open)
        assert placed(await node.place(a_demand())).host_id == host_id
        assert len(leaf.held("h0")) + len(leaf.held("h1")) == 1


async def test_calls_are_given_a_rest_when_only_polls_are_answered() -> None:
    """As by a process whose every placement takes too long."""

    class SlowLeaf(Leaf):
        async def place(self, demand: Demand) -> Placement | NoPlacement:
            await asyncio.sleep(SECONDS)
            raise AssertionError

    leaf = SlowLeaf(TurnedClock())
    leaf.put_host(a_view("h0"))
    leaf.report(an_inventory("h0"))
    network = FaultyNetwork()
    door = a_door(leaf)
    endpoint = await door.open(network, "127.0.0.1:0")
    pace = Pace(call_seconds=0.2, poll_wait_ms=10, poll_pause_seconds=0.01)
    async with a_remote_door(endpoint, network, pace) as remote:
        node = node_of(remote, leaf)
        await heard(node)
        for number in range(TIMEOUTS_MAX + 5):
            refused(await node.place(a_demand(f"vm-{number}")))
        assert network.calls.count("place") == TIMEOUTS_MAX
    await door.close()


async def test_however_messages_are_lost_doubled_and_late_each_notice_counts_once() -> None:
    """Of each VM its last word stands: no hold comes back, none is lost."""
    leaf = leaf_of(*(f"h{number}" for number in range(40)))
    network = FaultyNetwork(Random(5))
    async with an_open_door(leaf) as endpoint, a_remote_door(endpoint, network, HASTY) as door:
        node = node_of(door, leaf)
        await heard(node)
        network.lost_answers, network.lost_calls, network.doubled_calls = 0.02, 0.02, 0.3
        network.delay_seconds = 0.01
        kept: set[str] = set()

        async def one_vm(number: int) -> None:
            demand = a_demand(f"vm-{number}", memory_mib=1024)
            answer = await node.place(demand)
            while not isinstance(answer, Placement):
                await asyncio.sleep(0.01)
                answer = await node.place(demand)
            await node.confirm(demand, answer)
            if number % 2:
                # No connection brings a call twice: a second one that comes after the release would
                # be held again, until its lease ends.
                await asyncio.sleep(2 * network.delay_seconds)
                await node.release(demand.id, answer.host_id)
            else:
                kept.add(demand.id)

        for start in range(0, 60, 20):
            await asyncio.gather(*(one_vm(number) for number in range(start, start + 20)))
        await until(lambda: door.waiting == 0)
        await asyncio.sleep(2 * network.delay_seconds)  # the last copies arrive
        assert set(leaf.ledger.where) == kept
        assert all(held.demand is None for held in leaf.ledger.where.values()), "all confirmed"
        assert leaf.audit() == []


async def test_a_late_copy_of_a_notice_changes_nothing() -> None:
    leaf = leaf_of("h0")
    tell = a_door(leaf).handlers()["tell"]
    demand = a_demand()
    placement = placed(await leaf.place(demand))
    confirm = notice_to(Confirm("node-0", demand, placement))
    release = notice_to(Release("node-0", "vm-1", "h0"))
    await tell("caller", 1, [confirm])
    await tell("caller", 1, [confirm, release])
    assert leaf.held("h0") == {}
    await tell("caller", 1, [confirm])
    assert leaf.held("h0") == {}
    await tell("another", 1, [confirm])
    assert set(leaf.held("h0")) == {"vm-1"}


# --- what it costs -------------------------------------------------------------------------------


async def test_a_vm_costs_one_call_to_place_it_and_a_share_of_a_call_for_the_rest() -> None:
    leaf = leaf_of(*(f"h{number}" for number in range(100)))
    network = FaultyNetwork()
    async with an_open_door(leaf) as endpoint, a_remote_door(endpoint, network) as door:
        node = node_of(door, leaf)
        await heard(node)
        network.calls.clear()

        async def one_vm(number: int) -> None:
            demand = a_demand(f"vm-{number}", memory_mib=512, gib=0)
            placement = placed(await node.place(demand))
            await node.hold(demand, placement)
            await node.confirm(demand, placement)

        for start in range(0, 1_000, 50):
            await asyncio.gather(*(one_vm(number) for number in range(start, start + 50)))
        await until(lambda: door.waiting == 0)
        calls = Counter(network.calls)
        assert calls["place"] == 1_000
        # Ten a second, as long as that takes; 512 notices in each.
        assert calls["tell"] <= 100
        assert all(held.demand is None for held in leaf.ledger.where.values()), "all confirmed"


async def test_a_hold_that_was_just_placed_is_not_told_again_and_any_other_is() -> None:
    leaf = leaf_of("h0", "h1")
    network = FaultyNetwork()
    async with an_open_door(leaf) as endpoint, a_remote_door(endpoint, network) as door:
        node = node_of(door, leaf)
        await heard(node)
        demand = a_demand()
        placement = placed(await node.place(demand))
        await node.hold(demand, placement)
        assert network.calls.count("tell") == 0
        elsewhere = "h1" if placement.host_id == "h0" else "h0"
        await node.hold(demand, msgspec.structs.replace(placement, host_id=elsewhere))
        assert network.calls.count("tell") == 1
        assert set(leaf.held(elsewhere)) == {"vm-1"}


def test_a_moment_s_silence_is_not_remembered_of_a_child() -> None:
    leaf = leaf_of("h0")
    seat = Seat(leaf, "child")
    seat.look()
    demand = a_demand()
    seat.learn(demand, silence(1))
    assert seat.has_room(demand)
    seat.learn(demand, NoPlacement(1, (ReasonCount(Reason.TOO_LITTLE_CPU, 1, 1, 0),)))
    assert not seat.has_room(demand)
