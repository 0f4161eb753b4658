"""A demand whose answers are lost is held in two leaves for a lease at most."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from photon.domain.demand import Demand, Placement
from photon.domain.guest import AgentRefusal
from photon.scheduler.branch import Branch
from photon.scheduler.leaf import Leaf
from photon.scheduler.pace import Pace
from photon.scheduler.policy import RESERVATION_LEASE_SECONDS
from photon.scheduler.protocol import ChildNode
from photon.scheduler.remote import RemoteDoor
from tests.scheduler.cloud import a_demand, a_guest, a_view, an_inventory
from tests.scheduler.doors import SteppedClock, an_open_door, node_of, until
from tests.scheduler.faulty import FaultyNetwork

# Less than this and what is lost is found out by the test's own slowness; more, and it takes long.
PACE = Pace(call_seconds=0.04, poll_wait_ms=20, poll_pause_seconds=0.005)
VMS = 6
HOSTS = 3  # of each leaf
LOST_SHARE = 0.4
HEARTBEAT = frozenset({"summaries"})  # without it, no call would be tried for long

Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("place"), st.integers(0, VMS - 1)),
        st.tuples(st.just("refuse"), st.integers(0, VMS - 1)),
        st.tuples(st.just("make"), st.integers(0, VMS - 1)),
        st.tuples(st.just("release"), st.integers(0, VMS - 1)),
        st.tuples(st.just("turn"), st.integers(1, 70)),
        st.tuples(st.just("restart"), st.just(0)),
    ),
    min_size=5,
    max_size=25,
)


def a_wide_leaf(clock: SteppedClock, name: str) -> Leaf:
    leaf = Leaf(clock)
    for number in range(HOSTS):
        leaf.put_host(a_view(f"{name}-{number}"))
        assert leaf.report(an_inventory(f"{name}-{number}"))
    return leaf


@dataclass
class Cloud:
    """A root over a leaf here and one behind a door that loses much of what is said; VMs as sagas
    treat them: what was placed is journalled, what was not is placed again."""

    clock: SteppedClock
    leaves: list[Leaf]
    children: list[ChildNode]
    random: Random
    root: Branch = field(init=False)
    journal: dict[str, Placement] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    refused: dict[str, frozenset[str]] = field(default_factory=dict)
    asked_at: dict[str, float] = field(default_factory=dict)
    generation: int = 1

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """The root's process knows nothing of what it placed, but by journals."""
        self.root = Branch(self.random, self.clock)
        for number, child in enumerate(self.children):
            self.root.add(child, f"leaf-{number}")

    async def take(self, step: Step) -> None:
        what, number = step
        id = f"vm-{number}"
        if what == "turn":
            self.clock.turn(number)
            self.report()
        elif what == "restart":
            self.restart()
        elif what == "place" and id not in self.journal:
            await self.place(id)
        elif what == "refuse" and id in self.journal and id not in self.made:
            placement = self.journal.pop(id)
            await self.root.refused(placement, AgentRefusal.BUSY)
            self.refused[id] = self.refused.get(id, frozenset()) | {placement.host_id}
            await self.place(id)
        elif what == "make" and id in self.journal and id not in self.made:
            await self.root.hold(self.demand(id), self.journal[id])
            await self.root.confirm(self.demand(id), self.journal[id])
            self.made.add(id)
            self.report()
        elif what == "release" and id in self.journal:
            self.made.discard(id)
            self.report()
            await self.root.release(id, self.journal.pop(id).host_id)

    def demand(self, id: str) -> Demand:
        return a_demand(id, gib=0, hosts_excluded=self.refused.get(id, frozenset()))

    async def place(self, id: str) -> None:
        self.asked_at[id] = self.clock.monotonic()
        answer = await self.root.place(self.demand(id))
        if isinstance(answer, Placement):
            self.journal[id] = answer

    def report(self) -> None:
        """All hosts of both leaves tell what they have."""
        self.generation += 1
        for leaf in self.leaves:
            for host_id in list(leaf.ledger.hosts):
                there = [id for id in self.made if self.journal[id].host_id == host_id]
                guests = [a_guest(id, gib=0) for id in sorted(there)]
                leaf.report(an_inventory(host_id, generation=self.generation, guests=guests))

    def doubled(self) -> set[str]:
        here, there = (set(leaf.ledger.where) for leaf in self.leaves)
        return here & there

    def check(self) -> None:
        now = self.clock.monotonic()
        for id in self.doubled():
            assert now - self.asked_at[id] < RESERVATION_LEASE_SECONDS, id
        for leaf in self.leaves:
            assert leaf.audit() == []


async def run(steps: list[Step], seed: int) -> None:
    clock = SteppedClock()
    leaves = [a_wide_leaf(clock, "here"), a_wide_leaf(clock, "there")]
    network = FaultyNetwork(Random(seed))
    async with an_open_door(leaves[1]) as endpoint:
        door = RemoteDoor(network, endpoint, clock, "caller", PACE)
        door.start()
        remote = node_of(door, leaves[1], HOSTS)
        await until(lambda: not remote.summary().hosts_silent)
        network.lost_answers = network.lost_calls = LOST_SHARE
        network.spared = HEARTBEAT
        cloud = Cloud(clock, leaves, [leaves[0], remote], Random(seed))
        for step in steps:
            clock.turn(1)
            await cloud.take(step)
            cloud.check()
        network.lost_answers = network.lost_calls = 0.0
        await until(lambda: door.waiting == 0)
        clock.turn(RESERVATION_LEASE_SECONDS)
        cloud.report()
        assert cloud.doubled() == set()
        for id in cloud.made:
            assert sum(id in leaf.ledger.where for leaf in leaves) == 1
        await door.close()


@settings(max_examples=40)
@given(STEPS, st.integers(0, 1000))
def test_whatever_is_lost_a_vm_is_held_twice_for_a_lease_at_most(
    steps: list[Step], seed: int
) -> None:
    asyncio.run(run(steps, seed))


async def test_a_lost_answer_does_make_a_double_hold() -> None:
    """Or the property above would prove nothing."""
    clock = SteppedClock()
    leaves = [a_wide_leaf(clock, "here"), a_wide_leaf(clock, "there")]
    network = FaultyNetwork()
    async with an_open_door(leaves[1]) as endpoint:
        door = RemoteDoor(network, endpoint, clock, "caller", PACE)
        door.start()
        remote = node_of(door, leaves[1], HOSTS)
        await until(lambda: not remote.summary().hosts_silent)
        network.lost_answers, network.spared = 1.0, HEARTBEAT
        cloud = Cloud(clock, leaves, [leaves[0], remote], Random(1))
        for number in range(VMS):
            await cloud.take(("place", number))
        assert cloud.doubled()
        clock.turn(RESERVATION_LEASE_SECONDS)
        assert [
            held for host_id in leaves[1].ledger.hosts for held in leaves[1].held(host_id)
        ] == []
        await door.close()
