"""The books against the plainest possible model: sums over a list of what was admitted."""

from __future__ import annotations

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from photon.agent.books import Books, Claim
from photon.domain.guest import AgentRefusal, HostCapacity, HostDatastore, Refusal

CPUS, MEMORY_MIB, GIB = 8, 1000, 100
STORES = ("fast", "slow")


def a_capacity() -> HostCapacity:
    stores = tuple(HostDatastore(name, name, "OTHER", frozenset(), GIB, GIB) for name in STORES)
    return HostCapacity(CPUS, MEMORY_MIB, stores, (), "none")


claims_strategy = st.builds(
    Claim,
    cpus=st.integers(0, CPUS + 1),
    memory_mib=st.integers(0, MEMORY_MIB + 1),
    disks_gib=st.lists(st.tuples(st.sampled_from(STORES), st.integers(1, GIB + 1)), max_size=3).map(
        tuple
    ),
)


class BooksMachine(RuleBasedStateMachine):
    held: Bundle[Claim] = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.books = Books(a_capacity())
        self.model: list[Claim] = []
        self.cpus_max, self.memory_mib_max = CPUS, MEMORY_MIB

    def gib(self, store: str) -> int:
        return sum(gib for claim in self.model for name, gib in claim.disks_gib if name == store)

    def expected(self, claim: Claim) -> AgentRefusal | None:
        if claim.cpus + sum(c.cpus for c in self.model) > self.cpus_max:
            return AgentRefusal.NOT_ENOUGH_CPU
        if claim.memory_mib + sum(c.memory_mib for c in self.model) > self.memory_mib_max:
            return AgentRefusal.NOT_ENOUGH_MEMORY
        for store in STORES:
            wanted = sum(gib for name, gib in claim.disks_gib if name == store)
            if wanted and wanted + self.gib(store) > GIB:
                return AgentRefusal.NOT_ENOUGH_DATASTORE
        return None

    @rule(target=held, claim=claims_strategy)
    def admit(self, claim: Claim) -> Claim:
        expected = self.expected(claim)
        assert self.answer(claim) is expected
        if expected is not None:
            return Claim()
        self.model.append(claim)
        return claim

    def answer(self, claim: Claim) -> AgentRefusal | None:
        try:
            self.books.admit(claim)
        except Refusal as refusal:
            return refusal.code
        return None

    @rule(claim=consumes(held))
    def release(self, claim: Claim) -> None:
        if claim in self.model:
            self.model.remove(claim)
            self.books.release(claim)

    @rule(cpu=st.sampled_from([0.5, 1.0, 2.0]), memory=st.sampled_from([0.5, 1.0, 1.5]))
    def overcommit(self, cpu: float, memory: float) -> None:
        self.books.set_terms(cpu_overcommit=cpu, memory_overcommit=memory, allowed=())
        self.cpus_max, self.memory_mib_max = int(CPUS * cpu), int(MEMORY_MIB * memory)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        assert self.books.held.cpus == sum(claim.cpus for claim in self.model)
        assert self.books.held.memory_mib == sum(claim.memory_mib for claim in self.model)
        usable = self.books.usable(a_capacity().datastores)
        assert [store.free_gib for store in usable] == [
            max(0, GIB - self.gib(store)) for store in STORES
        ]


TestBooks = BooksMachine.TestCase
