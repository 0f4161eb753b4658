"""What the scheduler hears of hosts whose agents speak, fall silent, or make no sense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from photon.agent_client.errors import AgentUnreachable
from photon.agent_client.protocol import Agents
from photon.domain.guest import HostMode, HostReport, Inventory, ReportBatch
from photon.domain.host import AGENT_ENDPOINT_KEY, Host, HostState, UsageTag
from photon.domain.placement import HostView
from photon.reconcilers.host_watch import MISSES_MAX, HostWatch
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.nouns import HOSTS, NOUNS
from photon.store.protocol import Insert
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.tasks.rig import until
from tests.tasks.world import ENDPOINT, WorldClock

SILENCE = AgentUnreachable(ENDPOINT, "report", "nobody is there")


@dataclass
class Speaker:
    """An agent that says what a test has it say, and then nothing more."""

    says: asyncio.Queue[ReportBatch | Exception] = field(default_factory=asyncio.Queue)
    asked: int = 0

    async def report(self, *_: object) -> ReportBatch:
        self.asked += 1
        said = await self.says.get()
        if isinstance(said, Exception):
            raise said
        return said


@dataclass
class Believer:
    """Writes down what it is told."""

    told: list[str] = field(default_factory=list)

    def put_host(self, view: HostView) -> None: ...
    def remove_host(self, host_id: str) -> None:
        self.told.append(f"{host_id} is gone")

    def report(self, report: HostReport | Inventory) -> bool:
        self.told.append(f"{report.host_id} reports {report.generation}")
        return True

    def missing(self, host_id: str) -> None:
        self.told.append(f"{host_id} is missing")

    def back(self, host_id: str) -> None:
        self.told.append(f"{host_id} is back")


@dataclass
class Watched:
    watch: HostWatch
    agent: Speaker
    believer: Believer
    unusable: list[Exception]

    async def hear(self, *said: ReportBatch | Exception) -> list[str]:
        """What the scheduler was told, when the agent has said all this and is asked again."""
        before = self.agent.asked
        for each in said:
            self.agent.says.put_nowait(each)
        await until(lambda: self.agent.asked == before + len(said))
        told, self.believer.told = self.believer.told, []
        return told


def batch(*hosts: str, reports: tuple[HostReport, ...] = ()) -> ReportBatch:
    return ReportBatch("boot", 1, hosts, reports)


def as_before(boot_id: str = "boot") -> ReportBatch:
    """A heartbeat that names no host, since they are the same as before."""
    return ReportBatch(boot_id, 1, None)


def report(host_id: str, generation: int) -> HostReport:
    return HostReport(host_id, generation, HostMode.NORMAL, ())


@pytest.fixture
async def watched() -> AsyncIterator[Watched]:
    clock = WorldClock(0.0)
    store = SqliteStore(MEMORY, NOUNS, clock, SqliteOptions(durably=Inline()))
    for name in ("h1", "h2"):
        host = Host(
            name,
            name,
            "root",
            "secret",
            (UsageTag.CLOUD,),
            HostState.READY,
            metadata={AGENT_ENDPOINT_KEY: ENDPOINT},
            provisioned=True,
        )
        await store.commit([Insert(HOSTS, host)])
    agent, believer, unusable = Speaker(), Believer(), list[Exception]()

    async def observe(_: HostReport) -> None:
        if unusable:
            raise unusable.pop(0)

    watch = HostWatch(store, cast(Agents, cast(Any, agent)), believer, clock, observe)
    await watch.start()
    await until(lambda: agent.asked == 1)
    yield Watched(watch, agent, believer, unusable)
    await watch.close()
    await store.close()


async def test_an_agent_that_misses_a_few_polls_is_not_missing(watched: Watched) -> None:
    silences = [SILENCE] * (MISSES_MAX - 1)
    assert await watched.hear(*silences, batch("h1", "h2")) == []
    assert await watched.hear(*silences) == []


async def test_all_hosts_of_a_silent_agent_are_missing_until_it_answers(watched: Watched) -> None:
    told = await watched.hear(*[SILENCE] * MISSES_MAX)
    assert sorted(told) == ["h1 is missing", "h2 is missing"]
    assert watched.watch.silent() == {"h1", "h2"}
    told = await watched.hear(batch("h1", "h2", reports=(report("h1", 5),)))
    assert told[0] == "h1 reports 5", "what it has comes before it takes more"
    assert sorted(told[1:]) == ["h1 is back", "h2 is back"]
    assert watched.watch.silent() == frozenset()


async def test_a_host_that_its_agent_leaves_out_twice_is_missing_until_it_is_named(
    watched: Watched,
) -> None:
    assert await watched.hear(batch("h1", "h2"), batch("h1")) == []
    assert await watched.hear(batch("h1")) == ["h2 is missing"]
    assert await watched.hear(batch("h1")) == []
    assert await watched.hear(batch("h1", "h2")) == ["h2 is back"]


async def test_a_host_that_is_left_out_now_and_then_is_not_missing(watched: Watched) -> None:
    """A heartbeat may be older than the provisioning of a host."""
    said = [batch("h1"), batch("h1", "h2")] * 3
    assert await watched.hear(*said) == []


async def test_a_report_that_cannot_be_used_does_not_end_the_watch(watched: Watched) -> None:
    watched.unusable.append(KeyError("a bug"))
    said = batch("h1", "h2", reports=(report("h1", 5),))
    await watched.hear(said)
    assert await watched.hear(batch("h1", "h2", reports=(report("h2", 6),))) == ["h2 reports 6"]


async def test_a_heartbeat_that_names_no_hosts_is_of_those_of_the_one_before(
    watched: Watched,
) -> None:
    assert await watched.hear(batch("h1", "h2"), as_before(), as_before()) == []
    assert await watched.hear(batch("h1"), as_before()) == ["h2 is missing"]


async def test_what_an_earlier_boot_said_of_its_hosts_counts_no_more(watched: Watched) -> None:
    told = await watched.hear(batch("h1", "h2"), *[SILENCE] * MISSES_MAX, as_before("another"))
    assert sorted(told) == ["h1 is missing", "h2 is missing"]
    told = await watched.hear(ReportBatch("another", 2, ("h1", "h2")))
    assert sorted(told) == ["h1 is back", "h2 is back"]
