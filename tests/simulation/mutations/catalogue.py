"""All mutations, and how one is looked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from photon.agent.drivers.simulated_site import HostShape, Latencies
from photon.simulation.run import Trial, run
from photon.simulation.world import Size
from tests.simulation.mutations import (
    of_hosts,
    of_offices,
    of_streams,
    of_tasks,
    of_the_api,
    of_the_store,
)
from tests.simulation.mutations.mutation import Mutation

MUTATIONS: Final[tuple[Mutation, ...]] = (
    *of_tasks.MUTATIONS,
    *of_the_store.MUTATIONS,
    *of_hosts.MUTATIONS,
    *of_streams.MUTATIONS,
    *of_the_api.MUTATIONS,
    *of_offices.MUTATIONS,
)
ROOMY: Final = Size(controllers=3, hosts=6, leaf_hosts=2)
# A few VMs fill one, and making one takes long enough for others to be promised meanwhile.
TIGHT: Final = Size(
    controllers=3,
    hosts=4,
    leaf_hosts=2,
    shape=HostShape(cpus=2, memory_mib=4 << 10, datastore_gib=64),
    latencies=Latencies(create_vm=1.0),
)
# Several controllers promise, each by its own books, what one datastore has.
CROWDED: Final = Size(controllers=3, hosts=6, leaf_hosts=2, shape=HostShape(datastore_gib=8))


@dataclass(frozen=True, slots=True)
class Found:
    """By which rule a mutation was found, in the how-manieth seed. `rule` "": in none."""

    mutation: Mutation
    rule: str
    text: str
    seed: int
    seeds: int


def trial_of(mutation: Mutation, seed: int) -> Trial:
    size = TIGHT if mutation.tight else CROWDED if mutation.crowded else ROOMY
    return Trial(seed, mutation.steps, size, mutation.profile)


def look_for(mutation: Mutation, seeds: Iterable[int]) -> Found:
    """Tries seeds until one tells of it. What the product does unbroken does not count."""
    tried, seed = 0, 0
    for seed in seeds:
        tried += 1
        with mutation.applied():
            outcome = run(trial_of(mutation, seed))
        if outcome.broken is not None and run(trial_of(mutation, seed)).broken is None:
            broken = outcome.broken
            return Found(mutation, str(broken.promise), broken.text, seed, tried)
    return Found(mutation, "", "", seed, tried)
