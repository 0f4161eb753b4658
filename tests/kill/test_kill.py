"""Controllers and agents are killed while they work, and nothing is lost, doubled or leaked.

Real processes, a real network and a real store. A seed decides what is done and when who dies; it
is printed, and PHOTON_KILL_SEED repeats it as far as a machine can be repeated.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from photon.domain.audit import Rule
from photon.domain.demand import Affinity
from photon.sdk.client import AsyncClient, Settings
from photon.store.nouns import MEMBERS
from photon.wire.v1.placement import PlacementRule, VmPlacementSpec
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec
from tests.kill.cloud import HOSTS_SERVED, Cloud, Inside, start_cloud
from tests.kill.load import RETRIES, Load
from tests.kill.program import Program
from tests.kill.seed import BOOT_FLAVOR, VM_FLAVOR, Seeded

log = logging.getLogger(__name__)

pytestmark = pytest.mark.slow

# What an agent did whose answer was lost: its duties find out.
MENDED = {
    Rule.GUEST_HAS_VM,
    Rule.VM_HAS_GUEST,
    Rule.STATES_AGREE,
    Rule.DISK_IS_THERE,
    Rule.ATTACHMENTS_AGREE,
}
SEED_VARIABLE = "PHOTON_KILL_SEED"
SEED_BYTES = 4


@pytest.fixture
def random() -> Random:
    given = os.environ.get(SEED_VARIABLE)
    seed = int(given) if given else int.from_bytes(os.urandom(SEED_BYTES))
    log.warning("%s=%d", SEED_VARIABLE, seed)
    return Random(seed)


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    cloud = await start_cloud(tmp_path)
    yield cloud
    await cloud.end()
    log.warning("the end of the controller's log:\n%s", cloud.controller.last_words())


async def test_a_controller_that_is_killed_again_and_again_loses_nothing(
    cloud: Cloud, random: Random
) -> None:
    async with AsyncClient(cloud.url, Settings(retries_max=RETRIES)) as client:
        load = Load(client, cloud.seeded, random)
        moments = sorted(random.sample(range(20, 300), 3))
        async with asyncio.TaskGroup() as both:
            both.create_task(load.run(200))
            both.create_task(_kill_at(load, cloud.controller, moments))
        assert load.failed == [], "no task fails for a controller that died"
        log.warning("done: %s", load.operations())
        await _check_api(client, load)
    assert await cloud.controller.stop() == 0
    inside = Inside(cloud)
    try:
        assert await inside.open_tasks() == 0
        assert await inside.violations() == []
    finally:
        await inside.close()


async def test_an_agent_that_is_killed_leaves_nothing_that_is_not_mended(
    cloud: Cloud, random: Random
) -> None:
    async with AsyncClient(cloud.url, Settings(retries_max=RETRIES)) as client:
        load = Load(client, cloud.seeded, random)
        moments = sorted(random.sample(range(10, 100), 2))
        async with asyncio.TaskGroup() as both:
            both.create_task(load.run(80))
            both.create_task(_take_away(load, cloud.agent, moments[0]))
            both.create_task(_kill_at(load, cloud.controller, moments[1:]))
        log.warning("done: %s; %d failed", load.operations(), len(load.failed))
        for task in load.failed:
            # Silence, for a while or for long; no other host to be had; and what was not done
            # before it.
            codes = {error.code for step in task.steps for error in step.errors}
            silence = {"InternalError", "InvalidHostState"}
            assert codes <= silence | {"NoSuchResource", "InvalidVmState"}, task
    assert await cloud.controller.stop() == 0
    inside = Inside(cloud)
    try:
        assert await inside.open_tasks() == 0
        assert {violation.rule for violation in await inside.violations()} <= MENDED
        await inside.sweep()
        assert await inside.violations() == []
    finally:
        await inside.close()


async def test_a_controller_that_is_told_to_stop_answers_who_waits_and_ends_in_order(
    cloud: Cloud,
) -> None:
    """Its waiting callers are answered, its running tasks end, and its name is off the list."""
    async with AsyncClient(cloud.url, Settings(retries_max=0)) as client:
        load = Load(client, cloud.seeded, Random(1))
        running = asyncio.create_task(load.run(20))
        await load.acknowledged(10)
        assert await cloud.controller.stop() == 0
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    inside = Inside(cloud)
    try:
        assert await inside.open_tasks() == 0
        assert await inside.violations() == []
        assert await inside.store.count(MEMBERS, {}) == 0
    finally:
        await inside.close()


async def _kill_at(load: Load, program: Program, moments: list[int]) -> None:
    for moment in moments:
        await load.acknowledged(moment)
        await program.kill()
        await program.start()


async def _take_away(load: Load, agent: Program, moment: int) -> None:
    """The agent is away until tasks have failed for it."""
    await load.acknowledged(moment)
    await agent.kill()
    await load.failures(3)
    await agent.start()


async def _check_api(client: AsyncClient, load: Load) -> None:
    """What was acknowledged is there, and what was deleted is not."""
    listed = {vm.id: vm async for vm in client.vms.list(load.seeded.project_id)}
    assert load.vms <= set(listed)
    assert not load.deleted & set(listed)
    assert all(vm.state in ("STARTED", "STOPPED") for vm in listed.values())
    project = await client.projects.get(load.seeded.project_id)
    assert project.quota.quota_items is not None
    assert project.quota.quota_items["vm.count"].usage == len(listed)
    hosts = [host.id async for host in client.hosts.list()]
    on_hosts = [vm.id for host_id in hosts async for vm in client.hosts.vms(host_id)]
    assert sorted(on_hosts) == sorted(listed), "each VM is on one host"


async def test_a_controller_that_is_killed_still_knows_which_vms_lie_apart(cloud: Cloud) -> None:
    """As many of a group as there are hosts; after the kill there is room for no more, until one
    goes."""
    rule = PlacementRule(Affinity.APART, group="web")
    asked = VmPlacementSpec(groups=["web"], rules=[rule])
    async with AsyncClient(cloud.url, Settings(retries_max=RETRIES)) as client:
        specs = [apart_vm(cloud.seeded, f"vm-{number}", asked) for number in range(HOSTS_SERVED)]
        project = cloud.seeded.project_id
        tasks = await asyncio.gather(*(client.vms.create(project, spec) for spec in specs))
        await cloud.controller.kill()
        await cloud.controller.start()
        done = [await client.tasks.wait(task.id) for task in tasks]
        vms = [await client.vms.get(task.entity.id) for task in done]
        assert len({vm.host for vm in vms}) == HOSTS_SERVED
        one_more = apart_vm(cloud.seeded, "more", asked)
        said = await client.vms.dry_run(project, one_more)
        assert said.refusal is not None
        assert [each.reason for each in said.refusal.reasons] == ["GROUP_TOO_NEAR"]
        await cloud.controller.kill()
        await cloud.controller.start()
        assert not (await client.vms.dry_run(project, one_more)).fits
        gone = await client.vms.delete(vms[0].id)
        await client.tasks.wait(gone.id)
        again = await client.tasks.wait((await client.vms.create(project, one_more)).id)
        assert (await client.vms.get(again.entity.id)).host == vms[0].host


def apart_vm(seeded: Seeded, name: str, asked: VmPlacementSpec) -> VmCreateSpec:
    boot = AttachedDiskCreateSpec("boot", BOOT_FLAVOR, "ephemeral-disk", boot_disk=True)
    return VmCreateSpec(name, VM_FLAVOR, seeded.image_id, [boot], placement=asked)
