"""One seed is one run: byte for byte, in whatever process, whatever Python hashes strings to."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from photon.simulation.clock import TrueClock
from photon.simulation.guard import AskedOutside, guarded
from photon.simulation.loop import SimulatedLoop
from photon.simulation.process import Process
from photon.simulation.world import Size, World, play
from tests.simulation.scenes import Cloud

SEED = 5
SECONDS_MAX = 300.0  # A few seconds of CPU each, on a machine that may be busy.


class RealRandom:
    def draw(self) -> float:
        return random.random()  # noqa: TID251 - the very thing that must not be done


def _hash_of(seed: int, hash_seed: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.simulation.eventful", str(seed)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=True,
    )
    return ran.stdout.strip()


def test_the_same_seed_gives_the_same_bytes_in_another_process() -> None:
    one, other = _hash_of(SEED, "1"), _hash_of(SEED, "2")
    assert len(one) == 32
    assert one == other


def test_another_seed_gives_another_run() -> None:
    async def scene(world: World) -> str:
        await Cloud(world).furnish()
        return world.trace.hash()

    hashes = [play(seed, Size(controllers=1, hosts=1), scene) for seed in (1, 1, 2)]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize(
    "ask",
    # Asked by name, as the module has it at the time.
    [RealClock().monotonic, RealClock().now_ms, RealRandom().draw, lambda: os.urandom(1)],
)
def test_a_simulated_program_that_asks_the_real_world_is_told(ask: Callable[[], Any]) -> None:
    loop = SimulatedLoop()

    async def life() -> None:
        with pytest.raises(AskedOutside, match="one called"):
            ask()

    with guarded():
        loop.run_until_complete(Process("one", loop).create_task(life()))
        TimeOrderedIds(TrueClock(loop), os.urandom).new()  # Outside, one may ask.
    loop.bury()
