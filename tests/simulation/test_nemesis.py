"""Faults come from the seed, end in bounded time, and leave a cloud that works."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from photon.simulation.nemesis import WELL, Nemesis
from photon.simulation.profiles import CALM, HOSTILE, LOSSY, PROFILES, FaultKind, Profile
from photon.simulation.world import Size, World, play
from tests.simulation.scenes import Cloud

SMALL = Size(controllers=3, hosts=3, leaf_hosts=2)
TROUBLE_SECONDS = 30.0
RECOVERY_SECONDS = 45.0  # More than the lease, and than what agents' silence is forgiven.
OFTEN_SECONDS = 3.0


def troubled(profile: Profile, seed: int) -> tuple[str, int, list[str]]:
    """The trace's hash, how many faults there were, and what the trace says of them."""

    async def scene(world: World) -> tuple[str, int, list[str]]:
        nemesis = Nemesis(world, profile)
        nemesis.prepare()
        cloud = Cloud(world)
        # In good weather: a host whose agent is not heard in ten seconds is not added.
        world.network.conditions.everywhere = WELL
        await cloud.furnish()
        world.network.conditions.everywhere = nemesis.profile.link
        nemesis.begin()
        making = [asyncio.create_task(_make(cloud, n)) for n in range(6)]
        await asyncio.sleep(TROUBLE_SECONDS)
        await nemesis.end()
        await asyncio.gather(*making)
        await asyncio.sleep(RECOVERY_SECONDS)
        conditions = world.network.conditions
        left = (conditions.groups, conditions.one_way, conditions.slow, conditions.dark)
        assert not any(left)
        assert all(c.serving for c in world.controllers)
        assert all(agent.alive and not agent.frozen for agent in world.agents.values())
        await cloud.create_vm("after")
        assert world.loop.mishaps == []
        told = [line for line in world.trace.tail(20_000) if " fault " in line]
        return world.trace.hash(), nemesis.faults, told

    return play(seed, SMALL, scene)


async def _make(cloud: Cloud, n: int) -> None:
    try:
        await cloud.create_vm(f"vm-{n}")
    except (AssertionError, TimeoutError):
        return  # What becomes of it in bad times is for the auditor to judge.


@pytest.mark.parametrize("kind", list(FaultKind))
def test_each_kind_of_fault_ends_and_leaves_a_cloud_that_works(kind: FaultKind) -> None:
    often = Profile("one", CALM.link, CALM.store_line, CALM.store, faults={kind: OFTEN_SECONDS})
    _, faults, _ = troubled(often, seed=2)
    assert faults > 0, "it never happened"


def test_the_same_seed_has_the_same_faults() -> None:
    assert troubled(HOSTILE, seed=5) == troubled(HOSTILE, seed=5)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("seed", [3])
def test_a_cloud_works_after_every_profile(name: str, seed: int) -> None:
    troubled(PROFILES[name], seed)


def test_a_seed_draws_some_kinds_of_faults() -> None:
    drawn = [HOSTILE.drawn(_random(seed)).faults for seed in range(20)]
    assert len({tuple(faults) for faults in drawn}) > 10
    assert set().union(*drawn) == set(FaultKind), "each kind comes in some seed"
    assert LOSSY.drawn(_random(1)) == LOSSY


def test_without_a_kind_the_others_come_as_they_were() -> None:
    def of_kind(lines: list[str], kind: FaultKind) -> list[str]:
        return [line.split(" fault ")[0] for line in lines if f"what={kind} " in line]

    both = Profile(
        "two",
        CALM.link,
        CALM.store_line,
        CALM.store,
        faults={FaultKind.RESET_CONNECTIONS: 5.0, FaultKind.CUT_ONE_WAY: 5.0},
    )
    _, _, lines = troubled(both, seed=4)
    spared = both.without(frozenset({FaultKind.CUT_ONE_WAY}))
    _, _, fewer = troubled(spared, seed=4)
    times = of_kind(lines, FaultKind.RESET_CONNECTIONS)
    assert len(times) > 1
    assert len(of_kind(fewer, FaultKind.RESET_CONNECTIONS)) == len(times)
    assert of_kind(fewer, FaultKind.CUT_ONE_WAY) == []


def _random(seed: int) -> Random:
    return Random(seed)
