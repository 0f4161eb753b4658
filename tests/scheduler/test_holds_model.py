"""Any sequence of calls leaves the books as a plain model has them."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from photon.domain.demand import Demand, Placement
from photon.domain.guest import AgentRefusal, HostMode, HostReport
from photon.scheduler.policy import (
    CONFIRMED_GRACE_SECONDS,
    REFUSED_SECONDS,
    RESERVATION_LEASE_SECONDS,
)
from tests.scheduler.cloud import (
    TurnedClock,
    a_datastore,
    a_demand,
    a_guest,
    a_leaf,
    an_inventory,
    at_once,
)

HOSTS = st.sampled_from(["h1", "h2"])
IDS = st.sampled_from([f"vm-{number}" for number in range(6)])
MEMORY_MIB = 4096
GUESTS = st.dictionaries(IDS, st.integers(1, 2000), max_size=4)


@dataclass
class Entry:
    memory_mib: int
    reserved_until: float = 0.0
    confirmed_until: float = 0.0
    reported: bool = False

    def stands(self, now: float) -> bool:
        return self.reported or now < max(self.reserved_until, self.confirmed_until)


class Books(RuleBasedStateMachine):
    """Two hosts; the agents' reports are whatever they please."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = TurnedClock()
        self.leaf = a_leaf(
            *[an_inventory(id, memory_mib=MEMORY_MIB) for id in ("h1", "h2")], clock=self.clock
        )
        self.model: dict[str, dict[str, Entry]] = {"h1": {}, "h2": {}}
        self.known: dict[str, tuple[Demand, Placement]] = {}
        self.generation = 1

    @rule(id=IDS, memory_mib=st.integers(1, 2000))
    def place(self, id: str, memory_mib: int) -> None:
        before = {host: set(held) for host, held in self.standing().items()}
        demand = a_demand(id, memory_mib=memory_mib, gib=1)
        answer = at_once(self.leaf.place(demand))
        if not isinstance(answer, Placement):
            assert not any(id in held for held in before.values())
            return
        if id in before[answer.host_id]:
            entry = self.model[answer.host_id][id]
            if entry.reserved_until > self.now or not (
                entry.reported or entry.confirmed_until > self.now
            ):
                entry.reserved_until = self.now + RESERVATION_LEASE_SECONDS
            return
        assert not any(id in held for held in before.values())
        used = sum(entry.memory_mib for entry in self.standing()[answer.host_id].values())
        assert used + memory_mib <= MEMORY_MIB
        self.known[id] = (demand, answer)
        self.enter(demand, answer).reserved_until = self.now + RESERVATION_LEASE_SECONDS

    @rule(id=IDS)
    def hold(self, id: str) -> None:
        if id not in self.known:
            return
        demand, placement = self.known[id]
        at_once(self.leaf.hold(demand, placement))
        entry = self.standing()[placement.host_id].get(id)
        if entry is None:
            entry = self.enter(demand, placement)
        elif entry.reserved_until <= self.now:
            return
        entry.reserved_until = self.now + RESERVATION_LEASE_SECONDS

    @rule(id=IDS)
    def confirm(self, id: str) -> None:
        if id not in self.known:
            return
        demand, placement = self.known[id]
        at_once(self.leaf.confirm(demand, placement))
        entry = self.standing()[placement.host_id].get(id) or self.enter(demand, placement)
        entry.reserved_until = 0.0
        if not entry.reported:
            entry.confirmed_until = self.now + CONFIRMED_GRACE_SECONDS

    @rule(id=IDS, host=HOSTS)
    def release(self, id: str, host: str) -> None:
        at_once(self.leaf.release(id, host))
        self.model[host].pop(id, None)

    @rule(id=IDS, reason=st.sampled_from(AgentRefusal))
    def refused(self, id: str, reason: AgentRefusal) -> None:
        if id not in self.known:
            return
        placement = self.known[id][1]
        at_once(self.leaf.refused(placement, reason))
        entry = self.standing()[placement.host_id].get(id)
        if entry is not None:
            entry.reserved_until = entry.confirmed_until = 0.0

    @rule(host=HOSTS, guests=GUESTS)
    def inventory(self, host: str, guests: dict[str, int]) -> None:
        self.generation += 1
        found = [
            a_guest(id, memory_mib=mib, datastore_id=f"ds-{host}") for id, mib in guests.items()
        ]
        self.leaf.report(
            an_inventory(host, memory_mib=MEMORY_MIB, generation=self.generation, guests=found)
        )
        self.report(host, guests, gone=set(self.model[host]) - set(guests))

    @rule(host=HOSTS, guests=GUESTS, gone=st.frozensets(IDS, max_size=3), late=st.booleans())
    def delta(self, host: str, guests: dict[str, int], gone: frozenset[str], late: bool) -> None:
        self.generation += 1
        gone -= set(guests)
        found = [
            a_guest(id, memory_mib=mib, datastore_id=f"ds-{host}") for id, mib in guests.items()
        ]
        report = HostReport(
            host,
            0 if late else self.generation,
            HostMode.NORMAL,
            (a_datastore(f"ds-{host}"),),
            tuple(found),
            gone_guests=tuple(gone),
        )
        assert self.leaf.report(report) is not late
        if not late:
            self.report(host, guests, gone)

    @rule(
        seconds=st.sampled_from(
            [1.0, REFUSED_SECONDS, CONFIRMED_GRACE_SECONDS, RESERVATION_LEASE_SECONDS / 2]
        )
    )
    def wait(self, seconds: float) -> None:
        self.clock.turn(seconds)

    @invariant()
    def the_books_are_the_model(self) -> None:
        for host, entries in self.standing().items():
            held = {id: each.memory_mib for id, each in self.leaf.held(host).items()}
            assert held == {id: entry.memory_mib for id, entry in entries.items()}
        assert self.leaf.audit() == []

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    def standing(self) -> dict[str, dict[str, Entry]]:
        for host, entries in self.model.items():
            self.model[host] = {id: each for id, each in entries.items() if each.stands(self.now)}
        return self.model

    def enter(self, demand: Demand, placement: Placement) -> Entry:
        entry = self.model[placement.host_id][demand.id] = Entry(demand.memory_mib)
        return entry

    def report(self, host: str, guests: dict[str, int], gone: set[str] | frozenset[str]) -> None:
        entries = self.standing()[host]
        for id, memory_mib in guests.items():
            entry = entries.setdefault(id, Entry(memory_mib))
            entry.memory_mib, entry.reported, entry.confirmed_until = memory_mib, True, 0.0
        for id in gone & set(entries):
            entries[id].reported = False


Books.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestBooks = Books.TestCase
