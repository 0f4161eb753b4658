"""The contract as a whole: whatever is written, a store does what plain dicts do.

Subclasses say how to open a store (`open_store`), and inherit a state machine that hypothesis runs.
"""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from photon.store.errors import AlreadyExists
from photon.store.protocol import (
    Charge,
    CloudStore,
    Delete,
    DropLimits,
    DropQuota,
    Insert,
    Noun,
    Reap,
    Require,
    RequireNone,
    Revision,
    SetLimits,
    Update,
    Where,
    Write,
)
from tests.store.model import Model
from tests.store.things import PARTS, SECRETS, THINGS, Part, Thing, count_of

SETTINGS = settings(max_examples=60, stateful_step_count=25, deadline=None)

# Few of each, so that they meet.
IDS = st.sampled_from(["a", "b", "c"])
PARENTS = st.sampled_from([None, "p", "q"])
GENERATIONS = st.integers(1, 3)
OWNERS = st.sampled_from(["o1", "o2"])
KEYS = st.sampled_from(["cpu", "disk", "vm"])
AMOUNTS = st.lists(
    st.builds(count_of, KEYS, st.sampled_from([-1.0, -0.1, 0.0, 0.1, 0.2, 1.0, 2.0])),
    max_size=3,
    unique_by=lambda amount: amount.key,
).map(tuple)
LIMITS = st.lists(
    st.builds(count_of, KEYS, st.sampled_from([0.0, 0.3, 1.0, 3.0])),
    max_size=3,
    unique_by=lambda amount: amount.key,
).map(tuple)

THING = st.builds(Thing, IDS, st.sampled_from(["", "n", "m"]), PARENTS, st.integers(0, 2))
WHERE: st.SearchStrategy[Where] = st.fixed_dictionaries(
    {},
    optional={"parent": PARENTS, "size": st.integers(0, 2), "heavy": st.booleans()},
)


def at(thing: Thing, generation: int) -> Thing:
    return Thing(thing.id, thing.name, thing.parent, thing.size, generation=generation)


WRITES: st.SearchStrategy[Write] = st.one_of(
    st.builds(Insert, st.just(THINGS), THING),
    st.builds(Insert, st.just(PARTS), st.builds(Part, IDS, IDS)),
    st.builds(Insert, st.just(SECRETS), st.builds(Part, IDS, IDS)),
    st.builds(Update, st.just(THINGS), st.builds(at, THING, GENERATIONS), WHERE),
    st.builds(Delete, st.just(THINGS), IDS, st.none() | GENERATIONS),
    st.builds(Delete, st.just(PARTS), IDS),
    st.builds(Require, st.just(THINGS), IDS, WHERE),
    st.builds(RequireNone, st.just(THINGS), WHERE),
    st.builds(
        Reap,
        st.just(THINGS),
        IDS,
        WHERE,
        st.builds(lambda id: ((PARTS, {"group": id}),), IDS) | st.just(()),
    ),
    st.builds(Charge, OWNERS, AMOUNTS),
    st.builds(SetLimits, OWNERS, LIMITS, st.booleans()),
    st.builds(DropLimits, OWNERS, st.lists(KEYS, max_size=2).map(tuple)),
    st.builds(DropQuota, OWNERS),
)
WRITE_SETS = st.lists(WRITES, max_size=5)


def _facts(refusal: int | BaseException) -> Any:
    assert isinstance(refusal, BaseException), "it was not refused"
    if isinstance(refusal, AlreadyExists):
        # When several keys are taken, any of them may be named.
        return type(refusal), refusal.noun
    return type(refusal), vars(refusal)


class StoreMachine(RuleBasedStateMachine):
    """One store and one model, given the same write-sets."""

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self.store: CloudStore = self._runner.run(self.open_store())
        self.model = Model()

    async def open_store(self) -> CloudStore:
        raise NotImplementedError

    @rule(writes=WRITE_SETS)
    def commit(self, writes: list[Write]) -> None:
        self.commit_together([writes])

    @rule(sets=st.lists(WRITE_SETS, min_size=2, max_size=6))
    def commit_together(self, sets: list[list[Write]]) -> None:
        """Those that wait together are applied in the order in which they came."""

        async def all_of_them() -> list[Revision | BaseException]:
            return await asyncio.gather(
                *[self.store.commit(writes) for writes in sets], return_exceptions=True
            )

        for writes, outcome in zip(sets, self._runner.run(all_of_them()), strict=True):
            expected, self.model = self.model.try_commit(writes)
            if isinstance(expected, int):
                assert outcome == expected
            else:
                assert _facts(outcome) == _facts(expected)

    @invariant()
    def readers_see_the_model(self) -> None:
        self._runner.run(self._compare())

    async def _compare(self) -> None:
        nouns: tuple[Noun[Any], ...] = (THINGS, PARTS, SECRETS)
        for noun in nouns:
            page = await self.store.page(noun, {}, limit=100)
            assert page.items == [row for _, row in sorted(self.model.table(noun).items())]
            assert page.revision == self.model.revision
        for owner in ("o1", "o2"):
            rows = self.model.quota.get(owner, {})
            assert await self.store.quota(owner) == [row for _, row in sorted(rows.items())]
        changes = await self.store.changes(Revision(0), limit=10_000)
        assert [(c.revision, c.noun, c.id, c.generation) for c in changes] == self.model.changes

    def teardown(self) -> None:
        self._runner.run(self.store.close())
        self._runner.close()
