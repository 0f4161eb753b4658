"""A real failure, of a product that is broken on purpose, made small."""

from __future__ import annotations

from photon.simulation.run import Outcome, Trial, run
from photon.simulation.shrink import RUNS_MAX, shrink, told
from photon.simulation.world import Size
from photon.workload.site import Load
from tests.simulation.mutations.catalogue import MUTATIONS

LARGE = Trial(1, steps=60, size=Size(hosts=8), load=Load(clients=6), profile="calm")
# As many operations as a person reads through.
STEPS_MAX = 40


def test_a_failure_becomes_much_smaller_and_still_is_the_same() -> None:
    mutation = next(each for each in MUTATIONS if each.name == "delete-the-row")
    tries: list[Outcome] = []
    with mutation.applied():
        first = run(LARGE)
        assert first.broken is not None
        small = shrink(first, lambda what, number, tried: tries.append(tried))
        again = run(small.trial)
    assert len(tries) <= RUNS_MAX
    assert small.broken is not None
    assert small.broken.promise == first.broken.promise
    assert (again.trace_hash, again.story) == (small.trace_hash, small.story), told(first, small)
    trial = small.trial
    assert trial.size.controllers < LARGE.size.controllers
    assert trial.size.hosts < LARGE.size.hosts
    assert trial.load.clients < LARGE.load.clients
    assert small.steps <= min(STEPS_MAX, first.steps)
    # Nothing of it is wrong with the product as it is.
    assert run(trial).broken is None
