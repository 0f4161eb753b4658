"""The simulator finds what is broken on purpose: those that are found quickly.

All of them: `python -m tests.simulation.mutations`.
"""

from __future__ import annotations

import pytest

from tests.simulation.mutations.catalogue import MUTATIONS, look_for
from tests.simulation.mutations.mutation import Mutation

MUTATIONS_MIN = 10
QUICK = [mutation for mutation in MUTATIONS if mutation.quick]


def test_there_are_many_and_each_has_a_name_of_its_own() -> None:
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)
    assert len(QUICK) >= MUTATIONS_MIN


@pytest.mark.parametrize("mutation", QUICK, ids=[mutation.name for mutation in QUICK])
def test_the_simulator_finds(mutation: Mutation) -> None:
    found = look_for(mutation, range(1, mutation.seeds_max + 1))
    assert found.rule, f"{mutation.seeds_max} seeds did not tell that {mutation.what}"
