"""What the scheduler hears of hosts whose agents speak, fall silent, or make no sense."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

import pytest

from photon.agent_client.errors import AgentUnreachable
from photon.agent_client.protocol import Agents
from photon.domain.debt import Debt, DebtKind
from photon.domain.guest import HostMode, HostReport, Inventory, ReportBatch
from photon.domain.host import AGENT_ENDPOINT_KEY, Host, HostState, UsageTag
from photon.domain.placement import HostView
from photon.reconcilers.heartbeat import BEAT_SECONDS, WINDOW
from photon.reconcilers.host_line import POLL_PAUSE_SECONDS
from photon.reconcilers.host_register import HOSTS_A_SET_MAX
from photon.reconcilers.host_watch import HostWatch
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.nouns import DEBTS, HOSTS, MISSING_HOSTS, NOUNS
from photon.store.protocol import Delete, Insert
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.tasks.rig import until
from tests.tasks.world import ENDPOINT, WorldClock

TURNS: Final = 200  # Of the loop: more than the writing of some hundred hosts takes.
SILENCE = AgentUnreachable(ENDPOINT, "report", "nobody is there")


@dataclass
class Speaker:
    """An agent that says what a test has it say, and then nothing more."""

    clock: WorldClock
    says: asyncio.Queue[ReportBatch | Exception] = field(default_factory=asyncio.Queue)
    asked: int = 0

    async def report(self, *_: object) -> ReportBatch:
        self.asked += 1
        said = await self.says.get()
        self.clock.seconds += BEAT_SECONDS
        if isinstance(said, Exception):
            raise said
        return said

    async def inventory(self, *_: object) -> Inventory:
        raise SILENCE


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
class Keeper:
    """Reconciles when it may; `unusable` is what it makes of the next reports."""

    asked: list[str] = field(default_factory=list)
    may: asyncio.Event = field(default_factory=asyncio.Event)
    fails: int = 0  # so many of the next times
    unusable: list[Exception] = field(default_factory=list)

    async def observe(self, _: HostReport) -> None:
        if self.unusable:
            raise self.unusable.pop(0)

    async def reconcile(self, host_id: str) -> bool:
        self.asked.append(host_id)
        await self.may.wait()
        self.fails -= 1
        return self.fails < 0


@dataclass
class Watched:
    store: SqliteStore
    clock: WorldClock
    agent: Speaker
    believer: Believer
    keeper: Keeper
    watch: HostWatch = field(init=False)

    async def live(self) -> None:
        """A controller begins."""
        self.agent = Speaker(self.clock)
        agents = cast(Agents, cast(Any, self.agent))
        self.watch = HostWatch(self.store, agents, self.believer, self.clock, self.keeper)
        await self.watch.start()
        await until(lambda: self.agent.asked == 1)

    async def hear(self, *said: ReportBatch | Exception) -> list[str]:
        """What the scheduler was told, when the agent has said all this and is asked again."""
        before = self.agent.asked
        for each in said:
            self.agent.says.put_nowait(each)
        await until(lambda: self.agent.asked == before + len(said))
        await self.written()
        told, self.believer.told = self.believer.told, []
        return told

    async def written(self) -> None:
        """When the store says of each host what the watch says."""
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def stored(self) -> set[str]:
        return {row.id for row in (await self.store.page(MISSING_HOSTS, {}, limit=500)).items}


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
        await store.commit([Insert(HOSTS, a_host(name))])
    keeper = Keeper()
    keeper.may.set()
    watched = Watched(store, clock, Speaker(clock), Believer(), keeper)
    await watched.live()
    yield watched
    await watched.watch.close()
    await store.close()


def a_host(name: str) -> Host:
    return Host(
        name,
        name,
        "root",
        "secret",
        (UsageTag.CLOUD,),
        HostState.READY,
        metadata={AGENT_ENDPOINT_KEY: ENDPOINT},
        provisioned=True,
    )


BOTH: Final = ("h1 is missing", "h2 is missing")
BACK: Final = ("h1 is back", "h2 is back")
OUTAGE: Final = [SILENCE] * WINDOW


async def test_an_agent_that_misses_a_few_polls_is_not_missing(watched: Watched) -> None:
    assert await watched.hear(*[batch("h1", "h2")] * WINDOW) == []
    assert await watched.hear(SILENCE, SILENCE, batch("h1", "h2")) == []
    assert await watched.stored() == set()


async def test_a_controller_that_has_just_begun_tries_a_whole_window_first(
    watched: Watched,
) -> None:
    assert await watched.hear(*OUTAGE[1:]) == []
    assert sorted(await watched.hear(SILENCE)) == [*BOTH]


async def test_all_hosts_of_a_silent_agent_are_missing_until_it_is_steady(
    watched: Watched,
) -> None:
    assert sorted(await watched.hear(*OUTAGE)) == [*BOTH]
    assert watched.watch.silent() == await watched.stored() == {"h1", "h2"}
    told = await watched.hear(batch("h1", "h2", reports=(report("h1", 5),)))
    assert told == ["h1 reports 5"], "what it has comes before it takes more"
    assert await watched.hear(*[batch("h1", "h2")] * (WINDOW - 2)) == []
    assert sorted(await watched.hear(batch("h1", "h2"))) == [*BACK]
    assert watched.watch.silent() == await watched.stored() == set()
    assert sorted(watched.keeper.asked) == ["h1", "h2"]


async def test_a_host_is_missing_until_it_was_reconciled(watched: Watched) -> None:
    await watched.hear(*OUTAGE)
    watched.keeper.may.clear()
    assert await watched.hear(*[batch("h1", "h2")] * WINDOW) == []
    assert await watched.stored() == {"h1", "h2"}
    watched.keeper.may.set()
    assert sorted(await watched.hear(batch("h1", "h2"))) == [*BACK]


async def test_a_host_that_falls_silent_while_it_is_reconciled_stays_missing(
    watched: Watched,
) -> None:
    await watched.hear(*OUTAGE)
    watched.keeper.may.clear()
    await watched.hear(*[batch("h1", "h2")] * WINDOW, SILENCE)
    watched.keeper.may.set()
    assert await watched.hear(SILENCE) == []
    assert await watched.stored() == {"h1", "h2"}


async def test_a_host_that_could_not_be_reconciled_is_tried_again(watched: Watched) -> None:
    await watched.hear(*OUTAGE)
    watched.keeper.fails = 2
    assert await watched.hear(*[batch("h1", "h2")] * WINDOW) == []
    assert sorted(await watched.hear(batch("h1", "h2"))) == [*BACK]


async def test_a_host_with_a_debt_is_not_back_before_it_is_paid(watched: Watched) -> None:
    await watched.hear(*OUTAGE)
    debt = Debt("d", "h1", "h1", ENDPOINT, DebtKind.VM, "vm", 0)
    await watched.store.commit([Insert(DEBTS, debt)])
    assert await watched.hear(*[batch("h1", "h2")] * WINDOW) == ["h2 is back"]
    await watched.store.commit([Delete(DEBTS, "d")])
    assert await watched.hear(batch("h1", "h2")) == ["h1 is back"]


async def test_a_flapping_agent_is_missing_once(watched: Watched) -> None:
    flaps: list[ReportBatch | Exception] = [SILENCE, SILENCE, batch("h1", "h2")]
    told = await watched.hear(*flaps * (3 * WINDOW))
    assert sorted(told) == [*BOTH]


async def test_the_next_controller_knows_who_is_missing(watched: Watched) -> None:
    await watched.hear(*OUTAGE)
    await watched.watch.close()
    await watched.live()
    assert sorted(watched.believer.told) == [*BOTH]
    watched.believer.told = []
    assert await watched.hear(*[batch("h1", "h2")] * (WINDOW - 1)) == []
    assert await watched.stored() == {"h1", "h2"}
    assert sorted(await watched.hear(batch("h1", "h2"))) == [*BACK]


async def test_a_host_that_was_removed_is_not_written_as_missing(watched: Watched) -> None:
    await watched.store.commit([Delete(HOSTS, "h2")])
    await watched.hear(*OUTAGE)
    assert await watched.stored() <= {"h1"}


async def test_many_hosts_of_one_agent_are_few_commits(watched: Watched) -> None:
    names = [f"more-{number}" for number in range(2 * HOSTS_A_SET_MAX)]
    await watched.store.commit([Insert(HOSTS, a_host(name)) for name in names])
    await watched.watch.close()
    await watched.live()
    before = await watched.store.revision()
    await watched.hear(*OUTAGE)
    await until(lambda: len(watched.watch.silent()) == len(names) + 2)
    await watched.written()
    assert await watched.store.count(MISSING_HOSTS, {}) == len(names) + 2
    lost = await watched.store.revision()
    assert lost - before == 3
    await watched.hear(*[batch("h1", "h2", *names)] * WINDOW)
    await until(lambda: not watched.watch.silent())
    assert await watched.store.revision() - lost == 3


async def test_a_host_that_its_agent_leaves_out_is_missing_until_it_is_steady(
    watched: Watched,
) -> None:
    both = batch("h1", "h2")
    assert await watched.hear(*[both] * WINDOW, batch("h1"), batch("h1")) == []
    assert await watched.hear(batch("h1")) == ["h2 is missing"]
    assert await watched.hear(batch("h1")) == []
    assert await watched.hear(*[both] * WINDOW) == ["h2 is back"]


async def test_a_host_that_is_left_out_now_and_then_is_not_missing(watched: Watched) -> None:
    """A heartbeat may be older than the provisioning of a host."""
    said = [batch("h1"), batch("h1", "h2"), batch("h1", "h2")] * WINDOW
    assert await watched.hear(*said) == []


async def test_answers_in_quick_succession_are_one_beat(watched: Watched) -> None:
    await watched.hear(*OUTAGE)
    quick = [batch("h1", "h2")] * (WINDOW - 1)
    await watched.hear(*quick)
    for _ in range(WINDOW):
        watched.clock.seconds -= BEAT_SECONDS + POLL_PAUSE_SECONDS
        assert await watched.hear(batch("h1", "h2")) == []
    assert sorted(await watched.hear(batch("h1", "h2"))) == [*BACK]


async def test_a_report_that_cannot_be_used_does_not_end_the_watch(watched: Watched) -> None:
    watched.keeper.unusable.append(KeyError("a bug"))
    said = batch("h1", "h2", reports=(report("h1", 5),))
    await watched.hear(said)
    assert await watched.hear(batch("h1", "h2", reports=(report("h2", 6),))) == ["h2 reports 6"]


async def test_a_heartbeat_that_names_no_hosts_is_of_those_of_the_one_before(
    watched: Watched,
) -> None:
    assert await watched.hear(batch("h1", "h2"), *[as_before()] * WINDOW) == []
    assert await watched.hear(batch("h1"), as_before(), as_before()) == ["h2 is missing"]


async def test_what_an_earlier_boot_said_of_its_hosts_counts_no_more(watched: Watched) -> None:
    told = await watched.hear(batch("h1", "h2"), *OUTAGE, *[as_before("another")] * WINDOW)
    assert sorted(told) == [*BOTH]
    told = await watched.hear(*[ReportBatch("another", 2, ("h1", "h2"))] * WINDOW)
    assert sorted(told) == [*BACK]
