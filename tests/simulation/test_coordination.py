"""ZooKeeperCoordination upon the simulated ensemble: the contract, and what a schedule may do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from photon.coordination.ensemble import Ensemble
from photon.coordination.terms import LeaseTerms
from photon.coordination.zookeeper import ZooKeeperCoordination
from photon.simulation.coordination import SimulatedEnsemble
from photon.simulation.line import LineConditions, Service
from photon.simulation.loop import SimulatedLoop
from photon.simulation.process import Process
from tests.coordination.contract import CoordinationContract, Peer, a_member

TERMS = LeaseTerms()
LOOPS = {"simulated": SimulatedLoop}  # No time passes but the simulation's.


class _LoopClock:
    """The loop's time, on a machine whose clock is off, and runs unevenly."""

    def __init__(self, offset_seconds: float, rate: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._offset_seconds = offset_seconds
        self._rate = rate

    def now_ms(self) -> int:
        return int(self.monotonic() * 1000)

    def monotonic(self) -> float:
        return self._offset_seconds + self._loop.time() * self._rate

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._rate)


class EnsembleLab:
    """Members of one ensemble, each a program of its own."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, SimulatedLoop)
        self.loop = loop
        self.service = Service("ensemble", Random(1))
        self.service.conditions = LineConditions(0.001, 0.02)
        self.ensemble = SimulatedEnsemble(self.service)
        self._made: list[tuple[Process, ZooKeeperCoordination]] = []

    async def peer(self, name: str) -> Peer:
        member, losses = a_member(name), list[str]()
        process = Process(name, self.loop)
        clock = _LoopClock(3600.0 * len(self._made), 1.0 + 0.01 * len(self._made))

        async def join() -> ZooKeeperCoordination:
            coordination = ZooKeeperCoordination(
                Ensemble("simulated:2181"),
                clock,
                TERMS,
                lambda: losses.append(member.id),
                self.ensemble.sessions_of(name),
            )
            await coordination.join(member)
            return coordination

        coordination = await process.create_task(join())
        self._made.append((process, coordination))

        async def die() -> None:
            process.freeze()  # for ever, but for the end of the test, which wants to clear up

        return Peer(member, coordination, losses, process.freeze, process.thaw, die)

    async def moment(self) -> None:
        await asyncio.sleep(TERMS.renew_seconds)

    async def lease(self) -> None:
        await asyncio.sleep(TERMS.lease_seconds + TERMS.renew_seconds)

    async def close(self) -> None:
        for process, coordination in self._made:
            process.thaw()
            await process.create_task(coordination.leave())


@pytest.fixture
async def lab() -> AsyncIterator[EnsembleLab]:
    lab = EnsembleLab()
    yield lab
    await lab.close()


class TestUponTheSimulatedEnsemble(CoordinationContract):
    pass


async def test_whose_session_is_ended_by_the_ensemble_is_dead_to_all(lab: EnsembleLab) -> None:
    first, second = await lab.peer("a"), await lab.peer("b")
    fence = await first.coordination.campaign("chairman").wait()
    after = second.coordination.campaign("chairman")
    await lab.moment()
    lab.ensemble.expire("a")
    await lab.moment()
    assert second.sees() == ["id-b"]
    assert first.losses == ["id-a"]
    following = after.fence()
    assert following is not None
    assert following > fence


async def test_who_is_cut_off_gives_up_before_anybody_follows(lab: EnsembleLab) -> None:
    first, second = await lab.peer("a"), await lab.peer("b")
    before = first.coordination.campaign("chairman")
    await before.wait()
    after = second.coordination.campaign("chairman")
    await lab.moment()
    lab.service.cut("a")
    for _ in range(int(2 * TERMS.lease_seconds / 0.1)):
        await asyncio.sleep(0.1)
        assert before.fence() is None or after.fence() is None, "two lead"
    assert after.fence() is not None
    assert first.losses == [], "it cannot know yet"
    lab.service.mend("a")
    await asyncio.sleep(TERMS.lease_seconds)
    assert first.losses == ["id-a"]


@pytest.mark.parametrize("hangs", [False, True], ids=["away", "hanging"])
async def test_an_ensemble_without_a_quorum_makes_nobody_dead(
    lab: EnsembleLab, hangs: bool
) -> None:
    peers = [await lab.peer(name) for name in "abc"]
    office = peers[0].coordination.campaign("chairman")
    fence = await office.wait()
    if hangs:
        lab.service.hang()
    else:
        lab.service.go_away()
    await asyncio.sleep(3 * TERMS.lease_seconds)
    assert office.fence() is None, "it cannot know whether its session lives"
    lab.service.come_back()
    lab.service.go_on()
    await lab.lease()
    assert [peer.losses for peer in peers] == [[], [], []]
    assert peers[1].sees() == ["id-a", "id-b", "id-c"]
    assert office.fence() == fence


async def test_lines_that_break_cost_nobody_its_session(lab: EnsembleLab) -> None:
    peers = [await lab.peer(name) for name in "abc"]
    lab.service.conditions = LineConditions(0.001, 0.2, lost_questions=0.05, lost_answers=0.05)
    offices = [peer.coordination.campaign("chairman") for peer in peers]
    for _ in range(20):
        await lab.lease()
        assert sum(office.fence() is not None for office in offices) <= 1
    lab.service.conditions = LineConditions()
    await lab.lease()
    assert [peer.losses for peer in peers] == [[], [], []]
    assert [peer.sees() for peer in peers] == [["id-a", "id-b", "id-c"]] * 3
    assert sum(office.fence() is not None for office in offices) == 1
