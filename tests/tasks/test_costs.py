"""What an operation costs: commits and calls of hosts, counted. More must earn its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from photon.domain.vm import VmState
from photon.tasks.runner import TaskLimits
from tests.sagas.cases_vms import in_state
from tests.tasks.building import Client, build_disk, build_site, build_vm, vm_spec
from tests.tasks.fate import COMMIT, Fate
from tests.tasks.life import Life
from tests.tasks.world import EMPTY, World


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    world = World(tmp_path / "world", EMPTY)
    await world.open(hosts=2)
    yield world
    await world.close()


async def counted(world: World, life: Life, client: Client, *request: object) -> list[str]:
    """The events of one request and its task."""
    before = len(life.fate.events)
    await client.done(*request)  # type: ignore[arg-type] # method, path, body
    return life.fate.events[before:]


async def test_a_vm_costs_three_commits_and_one_call_of_its_host(world: World) -> None:
    life = await world.live()
    client = Client(life)
    await build_site(world, client)
    path = f"/v1/projects/{world.names['project']}/vms"
    for name in ("one", "two"):
        events = await counted(world, life, client, "POST", path, vm_spec(world, name))
        assert events == [COMMIT, COMMIT, "create_vm", COMMIT]
    await client.close()
    await life.end()


@pytest.mark.parametrize("verb", ["start", "stop"])
async def test_a_power_operation_costs_two_commits_and_one_call(world: World, verb: str) -> None:
    life = await world.live()
    client = Client(life)
    for builder in in_state(VmState.STOPPED):
        await builder(world, client)
    path = f"/v1/vms/{world.names['vm']}/{verb}"
    assert await counted(world, life, client, "POST", path) == [COMMIT, "power_vm", COMMIT]
    await client.close()
    await life.end()


async def test_deleting_a_vm_costs_two_commits_and_one_call(world: World) -> None:
    life = await world.live()
    client = Client(life)
    await build_site(world, client)
    await build_vm(world, client)
    path = f"/v1/vms/{world.names['vm']}"
    assert await counted(world, life, client, "DELETE", path) == [COMMIT, "delete_vm", COMMIT]
    await client.close()
    await life.end()


async def test_attaching_a_disk_costs_two_commits_and_one_call(world: World) -> None:
    life = await world.live()
    client = Client(life)
    for builder in (build_site, build_vm, build_disk):
        await builder(world, client)
    for verb in ("attach_disk", "detach_disk"):
        path, body = f"/v1/vms/{world.names['vm']}/{verb}", {"diskId": world.names["disk"]}
        events = await counted(world, life, client, "POST", path, body)
        assert events == [COMMIT, verb, COMMIT]
    await client.close()
    await life.end()


async def test_one_task_more_than_may_wait_is_answered_503_and_changes_nothing(
    world: World,
) -> None:
    life = await world.live()
    client = Client(life)
    await build_site(world, client)
    await build_vm(world, client)
    await client.close()
    await life.end()
    full = Life(life.around, "controller-full", Fate(), TaskLimits(running=0, waiting=1))
    await full.open()
    client = Client(full)
    vm = f"/v1/vms/{world.names['vm']}"
    await client.submit("GET", f"{vm}/subnets")
    before = await world.snapshot()
    for method, path, body in (
        ("POST", f"{vm}/start", None),
        ("GET", f"{vm}/subnets", None),
        ("POST", f"/v1/projects/{world.names['project']}/vms", vm_spec(world, "more")),
    ):
        answer = await client.http.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (503, "OutOfThreadPoolWorker")
        assert int(answer.headers["retry-after"]) > 0
    assert await world.snapshot() == before
    await client.close()
    await full.end()
