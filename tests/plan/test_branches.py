"""Futures of one simulation: played in processes of their own, and told of in their order."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from photon.plan.branches import Work, played
from photon.plan.problems import PlanFailed
from photon.plan.progress import Progress, Silent
from photon.simulation.loop import SimulatedLoop

T = TypeVar("T")


def simulated(work: Coroutine[Any, Any, T]) -> T:
    loop = SimulatedLoop()
    try:
        return loop.run_until_complete(loop.create_task(work, context=loop.outside.context.copy()))
    finally:
        loop.bury()


class Counted(Silent):
    def __init__(self) -> None:
        self.steps = 0

    def step(self) -> None:
        self.steps += 1


@pytest.mark.parametrize("jobs", [1, 3])
def test_each_goes_on_from_the_same_moment_and_none_sees_another(jobs: int) -> None:
    changed: list[int] = []

    def work(number: int) -> Work[list[float]]:
        async def one(progress: Progress) -> list[float]:
            changed.append(number)
            for _ in range(number):
                await asyncio.sleep(1.0)
                progress.step()
            return [asyncio.get_running_loop().time(), *changed]

        return one

    async def scene() -> list[list[float]]:
        await asyncio.sleep(10.0)
        return await played([work(n) for n in (3, 1, 2)], list[float], counted, jobs)

    counted = Counted()
    assert simulated(scene()) == [[13.0, 3], [11.0, 1], [12.0, 2]]
    assert (changed, counted.steps) == ([], 6)


async def _long(progress: Progress) -> str:
    return "x" * 300_000


async def _failing(progress: Progress) -> str:
    raise PlanFailed("it went wrong")


async def _broken(progress: Progress) -> str:
    raise ZeroDivisionError("a fault of ours")


async def _killed(progress: Progress) -> str:
    os.kill(os.getpid(), signal.SIGKILL)
    return "never"


async def _leaving(progress: Progress) -> str:
    raise SystemExit(3)


def test_an_answer_may_be_longer_than_a_pipe_holds() -> None:
    assert simulated(played([_long], str, Silent(), 1)) == ["x" * 300_000]


@pytest.mark.parametrize(
    ("work", "says"),
    [
        (_failing, "it went wrong"),
        (_broken, "ZeroDivisionError: a fault of ours"),
        (_killed, "ended without a word"),
        (_leaving, "SystemExit: 3"),
    ],
)
def test_one_that_fails_is_told_and_ends_the_others(
    work: Work[str], says: str, tmp_path: Path
) -> None:
    begun, begins = os.pipe()

    async def endless(progress: Progress) -> str:
        (tmp_path / "child").write_text(str(os.getpid()))
        os.write(begins, b"x")
        for _ in range(10**9):
            await asyncio.sleep(1.0)
        return "never"

    async def afterwards(progress: Progress) -> str:
        os.read(begun, 1)
        return await work(progress)

    with pytest.raises(PlanFailed, match=says):
        simulated(played([endless, afterwards], str, Silent(), 2))
    os.close(begun)
    os.close(begins)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "child").read_text()), 0)
