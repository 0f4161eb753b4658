"""Faults come as they were drawn, all are healed, and what ends by itself is started again."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from photon.chaos.nemesis import Nemesis, NotWell
from photon.chaos.part import Kind, Part
from photon.chaos.schedule import Action, Planned, Role, Target
from photon.outside.clock import RealClock
from tests.chaos.idle import Noted

END_SECONDS_MAX = 30.0


@dataclass
class Parts:
    """A cloud of parts that are only noted down; the first of each kind leads."""

    parts: Sequence[Part]
    url: str = ""
    ca_file: str | None = None
    controllers: Mapping[str, str] = field(default_factory=dict)
    lease_seconds: float = 0.2

    def leaders(self) -> frozenset[str]:
        return frozenset({part.kind: part.name for part in reversed(self.parts)}.values())

    def lacks(self) -> str | None:
        return None


def planned(action: Action, kind: Kind, role: Role = Role.ANY, *, paired: bool = False) -> Planned:
    return Planned(action, Target(kind, role), 0.05, 0.01, 0.0, paired)


def a_nemesis(*parts: Noted) -> tuple[Nemesis, list[str]]:
    said: list[str] = []
    clock = RealClock()

    async def well() -> None:
        return

    return Nemesis(Parts(parts), None, clock, clock.monotonic(), said.append, well), said


def over_and_over(*faults: Planned) -> Iterator[Planned]:
    while True:
        yield from faults


async def test_each_fault_is_injected_and_healed() -> None:
    agent, proxy = Noted("agent-1", Kind.AGENT), Noted("haproxy", Kind.HAPROXY)
    nemesis, _ = a_nemesis(agent, proxy)
    faults = over_and_over(planned(Action.FREEZE, Kind.AGENT), planned(Action.KILL, Kind.HAPROXY))
    await nemesis.run(faults, 0.5)
    assert agent.done[:2] == ["freeze", "thaw"]
    assert proxy.done[:2] == ["kill", "start"]
    assert proxy.alive
    assert all(fault.healed >= fault.at + 0.05 for fault in nemesis.injected)
    assert all(fault.alone for fault in nemesis.injected)


async def test_a_role_is_played_by_who_plays_it_when_the_fault_comes() -> None:
    first, second = Noted("postgres-1", Kind.POSTGRES), Noted("postgres-2", Kind.POSTGRES)
    nemesis, _ = a_nemesis(first, second)
    await nemesis.run(over_and_over(planned(Action.KILL, Kind.POSTGRES, Role.OTHER)), 0.2)
    assert first.done == []
    assert second.done[:2] == ["kill", "start"]


async def test_a_paired_fault_comes_while_the_other_lasts_and_on_another_part() -> None:
    first, second = Noted("agent-1", Kind.AGENT), Noted("agent-2", Kind.AGENT)
    nemesis, _ = a_nemesis(first, second)
    pair = (planned(Action.FREEZE, Kind.AGENT), planned(Action.KILL, Kind.AGENT, paired=True))
    await nemesis.run(over_and_over(*pair), 0.1)
    assert first.done == ["freeze", "thaw"]
    assert second.done == ["kill", "start"]
    one, other = nemesis.injected
    assert one.at < other.at < one.healed
    assert not one.alone
    assert not other.alone


async def test_what_nobody_plays_is_left_out_and_said() -> None:
    nemesis, said = a_nemesis(Noted("agent-1", Kind.AGENT))
    await nemesis.run(over_and_over(planned(Action.KILL, Kind.ZOOKEEPER)), 0.1)
    assert nemesis.injected == []
    assert "left out" in said[0]


async def test_one_that_does_not_start_yet_is_started_until_it_does() -> None:
    controller = Noted("controller-1", Kind.CONTROLLER, starts_in_vain=2)
    nemesis, said = a_nemesis(controller)
    running = asyncio.create_task(
        nemesis.run(over_and_over(planned(Action.KILL, Kind.CONTROLLER)), 2.0)
    )
    async with asyncio.timeout(END_SECONDS_MAX):
        await running
    assert controller.alive
    assert "controller-1 does not start yet: controller-1 lacks something" in said


async def test_a_part_that_ends_by_itself_is_told_and_started_again() -> None:
    lonely, other = Noted("agent-1", Kind.AGENT), Noted("haproxy", Kind.HAPROXY)
    lonely.alive = False
    nemesis, _ = a_nemesis(lonely, other)
    await nemesis.run(over_and_over(planned(Action.FREEZE, Kind.HAPROXY)), 1.5)
    assert lonely.alive
    assert [each.part for each in nemesis.ended] == ["agent-1"]
    assert nemesis.ended[0].words == "the last words"


async def test_when_it_is_cancelled_everything_is_healed() -> None:
    agent = Noted("agent-1", Kind.AGENT)
    nemesis, _ = a_nemesis(agent)
    long = Planned(Action.KILL, Target(Kind.AGENT), 3600.0, 0.0, 0.0, paired=False)
    running = asyncio.create_task(nemesis.run(over_and_over(long), 7200.0))
    async with asyncio.timeout(END_SECONDS_MAX):
        while agent.alive:  # noqa: ASYNC110  a part has no event to tell of its end
            await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert agent.alive


async def test_a_cloud_that_does_not_recover_is_a_failure_in_words() -> None:
    nemesis, _ = a_nemesis(Noted("agent-1", Kind.AGENT))
    nemesis.well_seconds_max = 0.05
    nemesis.well = asyncio.Event().wait  # type: ignore[assignment]  # it never returns
    with pytest.raises(NotWell, match=r"after the end of: kill -9 agent \(agent-1\)"):
        await nemesis.run(over_and_over(planned(Action.KILL, Kind.AGENT)), 5.0)
