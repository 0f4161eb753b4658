"""A watch hears only of the hosts that are its controller's, however that changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from photon.agent_client.address import HostAddress
from photon.agent_client.protocol import Agents
from photon.domain.guest import HostMode, HostReport, Inventory, ReportBatch
from photon.domain.host import AGENT_ENDPOINT_KEY, Host, HostState, UsageTag
from photon.reconcilers.host_watch import HostWatch
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.nouns import HOSTS, NOUNS
from photon.store.protocol import Insert
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.reconcilers.test_host_watch import Believer, Keeper
from tests.scheduler.cloud import an_inventory
from tests.tasks.rig import until
from tests.tasks.world import WorldClock

HOSTS_BEHIND = {"one:1": ("h1", "h2", "h3"), "two:2": ("h4",)}


@dataclass
class Speakers:
    """Agents that report all their hosts whole at the first poll, and then nothing."""

    polls: list[str] = field(default_factory=list)
    inventories: list[str] = field(default_factory=list)

    async def report(self, endpoint: str, boot_id: str, *_: object) -> ReportBatch:
        self.polls.append(endpoint)
        hosts = HOSTS_BEHIND[endpoint]
        if boot_id:
            return ReportBatch("boot", 1, None)
        reports = tuple(HostReport(id, 5, HostMode.NORMAL, (), full=True) for id in hosts)
        return ReportBatch("boot", 1, hosts, reports)

    async def inventory(self, host: HostAddress) -> Inventory:
        self.inventories.append(host.host_id)
        return an_inventory(host.host_id)


@dataclass
class Rig:
    store: SqliteStore
    agents: Speakers
    believer: Believer
    watch: HostWatch
    mine: set[str]

    async def look_over(self, *ids: str) -> list[str]:
        """What was told to the scheduler when the watch had looked over them."""
        await self.watch.look_over(ids)
        polls = len(self.agents.polls)
        if self.mine:
            await until(lambda: len(self.agents.polls) > polls + 2)
        told, self.believer.told = self.believer.told, []
        return told


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    clock = WorldClock(0.0)
    store = SqliteStore(MEMORY, NOUNS, clock, SqliteOptions(durably=Inline()))
    for endpoint, names in HOSTS_BEHIND.items():
        for name in names:
            where = {AGENT_ENDPOINT_KEY: endpoint}
            host = Host(
                name,
                name,
                "root",
                "secret",
                (UsageTag.CLOUD,),
                HostState.READY,
                metadata=where,
                provisioned=True,
            )
            await store.commit([Insert(HOSTS, host)])
    agents, believer, mine = Speakers(), Believer(), set[str]()
    watch = HostWatch(store, cast(Agents, cast(Any, agents)), believer, clock, Keeper())
    await watch.follow(mine.__contains__)
    yield Rig(store, agents, believer, watch, mine)
    await watch.close()
    await store.close()


async def test_nobody_is_polled_for_the_hosts_of_others(rig: Rig) -> None:
    assert await rig.look_over("h1", "h4") == ["h1 is gone", "h4 is gone"]
    assert rig.agents.polls == []


async def test_the_first_poll_of_a_line_brings_all_hosts_that_came_together(rig: Rig) -> None:
    rig.mine |= {"h1", "h2"}
    told = await rig.look_over("h1", "h2")
    assert told == ["h1 reports 5", "h2 reports 5"]
    assert rig.agents.inventories == []
    assert set(rig.agents.polls) == {"one:1"}


async def test_one_that_comes_later_is_asked_for_all_that_it_holds(rig: Rig) -> None:
    rig.mine |= {"h1"}
    await rig.look_over("h1")
    rig.mine |= {"h3"}
    await rig.look_over("h3")
    assert rig.agents.inventories == ["h3"]


async def test_one_that_is_anothers_now_is_let_go_with_its_line(rig: Rig) -> None:
    rig.mine |= {"h1", "h4"}
    await rig.look_over("h1", "h4")
    rig.mine -= {"h4"}
    assert "h4 is gone" in await rig.look_over("h4")
    rig.agents.polls.clear()
    await until(lambda: len(rig.agents.polls) > 5)
    assert set(rig.agents.polls) == {"one:1"}


async def test_what_is_regarded_of_anothers_host_is_not_believed_here(rig: Rig) -> None:
    host = await rig.store.find(HOSTS, "h2")
    assert host is not None
    rig.watch.regard(host)
    assert rig.believer.told == ["h2 is gone"]
    assert rig.agents.polls == []
