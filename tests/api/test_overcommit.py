"""Scheduler and agents go by the same terms: what is said to fit is taken, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from photon.agent.drivers.simulated_site import HostShape
from photon.domain.overcommit import Overcommit
from photon.store.nouns import HOSTS, IMAGES
from photon.store.protocol import Insert
from tests.api.cloud_rig import DISK_FLAVOR, ENDPOINT, SUBNET, CloudApi, error_codes, host_spec
from tests.api.cloud_rig import HOSTS as HOSTS_PATH
from tests.api.rig import Json
from tests.api.test_placements import IMAGE
from tests.api.test_vm_placement import BOOT, a_spec

CPUS = 2
TWO: Json = {
    "name": "two",
    "kind": "vm",
    "cost": [
        {"key": "vm.cpu", "value": 2, "unit": "COUNT"},
        {"key": "vm.memory", "value": 1, "unit": "MB"},
    ],
}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CloudApi]:
    made = CloudApi(tmp_path, shape=HostShape(cpus=CPUS))
    await made.open()
    await made.store.commit([Insert(IMAGES, IMAGE)])
    for flavor in (TWO, DISK_FLAVOR):
        await made.made("/v1/flavors", flavor)
    yield made
    await made.close()


async def a_network(api: CloudApi) -> None:
    subnet = await api.made("/v1/subnets", SUBNET)
    await api.do("POST", f"/v1/subnets/{subnet}/set_default")


async def count(api: CloudApi, project: str) -> int:
    asked = {"flavor": "two", "attachedDisks": [BOOT]}
    answer = await api.ask("POST", f"/v1/projects/{project}/capacity", asked)
    return int(answer.json()["count"])


async def test_a_host_takes_what_its_own_overcommit_allows_and_no_more(api: CloudApi) -> None:
    terms = {"AGENT_ENDPOINT": ENDPOINT, "CPU_OVERCOMMIT": "1.5"}
    host_id = await api.ready_host(1, metadata=terms)
    host = await api.store.find(HOSTS, host_id)
    assert host is not None
    assert (host.cpu_overcommit, host.memory_overcommit) == (1.5, 1.0)
    await a_network(api)
    project = await api.a_project()
    assert await count(api, project) == 1  # of 3 vCPUs
    path = f"/v1/projects/{project}/vms"
    assert (await api.run("POST", path, a_spec(flavor="two"))).state == "COMPLETED"
    assert error_codes(await api.run("POST", path, a_spec(flavor="two"))) == [
        "NotEnoughCpuResource"
    ]


async def test_a_deployment_s_overcommit_reaches_its_hosts_by_a_sync(api: CloudApi) -> None:
    await api.ready_host(1)
    await a_network(api)
    project = await api.a_project()
    assert await count(api, project) == 16
    api.change_overcommit(Overcommit(cpu=3.0))
    task = await api.run("POST", "/v1/infrastructure/sync-hosts-config")
    assert task.state == "COMPLETED"
    for _ in range(200):
        if await count(api, project) == 3:
            return
        await asyncio.sleep(0.01)
    raise AssertionError("the scheduler does not hear of it")


async def test_an_overcommit_that_no_agent_takes_is_refused(api: CloudApi) -> None:
    terms = {"AGENT_ENDPOINT": ENDPOINT, "MEMORY_OVERCOMMIT": "lots"}
    await api.refused("POST", HOSTS_PATH, host_spec(1, metadata=terms), code="InvalidEntity")
