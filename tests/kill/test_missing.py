"""Hosts whose agents are killed or frozen, in real processes: they are missing, and come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from photon.agent.drivers.simulated_site import addresses_of
from photon.domain.missing_host import AgentState
from photon.sdk.client import AsyncClient, Client, Settings
from photon.sdk.errors import TaskFailed
from photon.wire.v1.host import Host
from photon.wire.v1.task import Task
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec
from tests.kill.cloud import ANY_PORT, Cloud, Inside
from tests.kill.program import Program
from tests.kill.seed import BOOT_FLAVOR, VM_FLAVOR, Seeded, add_hosts, seed

log = logging.getLogger(__name__)

pytestmark = pytest.mark.slow

HOSTS: Final = 3  # behind each of two agents
VMS: Final = 12
SECONDS_MAX: Final = 90.0  # For what takes ten on a quiet machine.
LOOK_SECONDS: Final = 0.3
FLAPS: Final = 4
FROZEN_SECONDS: Final = 2.0  # Shorter than a poll may take, so a hiccup.


@dataclass
class TwoAgents:
    cloud: Cloud  # `agent` is the one that is ill-treated
    other: Program
    client: AsyncClient

    async def hosts(self) -> dict[str, Host]:
        return {host.address: host async for host in self.client.hosts.list()}

    async def states(self) -> dict[str, AgentState | None]:
        """Of the hosts behind the first agent."""
        hosts = await self.hosts()
        return {address: hosts[address].agent_state for address in addresses_of(HOSTS)}

    async def until(self, reached: Callable[[set[AgentState | None]], bool]) -> None:
        async with asyncio.timeout(SECONDS_MAX):
            # It is in another process, and no event comes from there.
            while not reached(set((await self.states()).values())):  # noqa: ASYNC110 - see above
                await asyncio.sleep(LOOK_SECONDS)

    async def create(self, count: int) -> list[str]:
        """On which hosts they are."""
        boot = AttachedDiskCreateSpec("boot", BOOT_FLAVOR, "ephemeral-disk", boot_disk=True)
        spec = VmCreateSpec("vm", VM_FLAVOR, self.cloud.seeded.image_id, [boot])
        project_id = self.cloud.seeded.project_id
        asked = [await self.client.vms.create(project_id, spec) for _ in range(count)]
        made = [await self.client.tasks.wait(task.id) for task in asked]
        return [str((await self.client.vms.get(task.entity.id)).host) for task in made]

    async def vms_behind(self) -> list[str]:
        """Those on the hosts of the first agent."""
        hosts = await self.hosts()
        return [
            vm.id
            for address in addresses_of(HOSTS)
            async for vm in self.client.hosts.vms(hosts[address].id)
        ]


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[TwoAgents]:
    agents = [
        Program(
            "photon.agent",
            tmp_path / f"agent-{first}.log",
            *("--driver", "simulated", "--hosts", str(HOSTS), "--first-host", str(first)),
            *("--listen", ANY_PORT, "--state-dir", str(tmp_path / f"agent-{first}")),
        )
        for first in (1, 1 + HOSTS)
    ]
    controller = Program(
        "photon.controller",
        tmp_path / "controller.log",
        *("--data-dir", str(tmp_path / "controller"), "--listen", ANY_PORT),
    )
    cloud = Cloud(controller, agents[0], tmp_path, Seeded("", ""))
    try:
        await asyncio.gather(controller.start(), *(agent.start() for agent in agents))
        cloud.seeded = await asyncio.to_thread(_seed, cloud, agents[1])
        async with AsyncClient(cloud.url, Settings()) as client:
            yield TwoAgents(cloud, agents[1], client)
    finally:
        await cloud.end()
        await agents[1].end()
    log.warning("the end of the controller's log:\n%s", controller.last_words())


def _seed(cloud: Cloud, other: Program) -> Seeded:
    with Client(cloud.url) as client:
        endpoint = str(cloud.agent.ready["listen"])
        seeded = seed(client, endpoint, addresses_of(HOSTS), cloud.folder)
        add_hosts(client, str(other.ready["listen"]), addresses_of(HOSTS, 1 + HOSTS))
        return seeded


async def test_an_agent_that_dies_is_missing_is_avoided_and_comes_back_reconciled(
    two: TwoAgents,
) -> None:
    await two.create(VMS)
    behind = await two.vms_behind()
    assert behind
    await two.cloud.agent.kill()
    await two.until(lambda states: states == {AgentState.MISSING})
    assert set(await two.create(VMS)) <= set(addresses_of(HOSTS, 1 + HOSTS)), "it is avoided"
    assert (await two.client.vms.get(behind[0])).host_state is AgentState.MISSING
    with pytest.raises(TaskFailed) as refused:
        await _done(two, await two.client.vms.start(behind[0]))
    assert [e.code for step in refused.value.task.steps for e in step.errors] == [
        "InvalidHostState"
    ]
    deleted = await _done(two, await two.client.vms.delete(behind[0]))
    assert [w.code for step in deleted.steps for w in step.warnings] == ["InvalidHostState"]

    await two.cloud.controller.kill()
    await two.cloud.controller.start()
    assert set((await two.states()).values()) == {AgentState.MISSING}, "it is remembered"
    await two.cloud.agent.start()
    await two.until(lambda states: states == {AgentState.ACTIVE})
    assert sorted(await two.vms_behind()) == sorted(behind[1:])
    await _done(two, await two.client.vms.start(behind[1]))
    assert set(await two.create(VMS)) & set(addresses_of(HOSTS)), "it is used again"
    assert await two.cloud.controller.stop() == 0
    inside = Inside(two.cloud)
    try:
        assert await inside.violations() == [], "what was deleted meanwhile is gone there too"
    finally:
        await inside.close()


async def test_an_agent_that_is_frozen_now_and_then_does_not_flap(two: TwoAgents) -> None:
    seen: set[AgentState | None] = set()
    for _ in range(FLAPS):
        two.cloud.agent.freeze()
        await asyncio.sleep(FROZEN_SECONDS)
        seen |= set((await two.states()).values())
        two.cloud.agent.thaw()
        await asyncio.sleep(LOOK_SECONDS)
        seen |= set((await two.states()).values())
    assert seen == {AgentState.ACTIVE}


async def test_a_machine_that_is_lost_is_removed_with_all_that_was_on_it(two: TwoAgents) -> None:
    await two.create(VMS)
    await two.cloud.agent.kill()
    await two.until(lambda states: states == {AgentState.MISSING})
    for vm_id in await two.vms_behind():
        await _done(two, await two.client.vms.delete(vm_id))
    hosts = await two.hosts()
    for address in addresses_of(HOSTS):
        host_id = hosts[address].id
        await _done(two, await two.client.hosts.suspend(host_id))
        await _done(two, await two.client.hosts.enter_maintenance(host_id))
        await _done(two, await two.client.hosts.delete(host_id))
    assert set(await two.hosts()) == set(addresses_of(HOSTS, 1 + HOSTS))


async def _done(two: TwoAgents, task: Task) -> Task:
    return await two.client.tasks.wait(task.id)
