"""Datastores: found on hosts, listed by tag, and the set that images are kept on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from photon.agent.drivers.simulated_site import SHARED_DATASTORE, HostShape
from photon.domain.datastore import Datastore, DatastoreTag
from photon.domain.task import TaskState
from photon.store.nouns import DATASTORE_TAGS, DATASTORES, HOSTS
from photon.store.protocol import Insert, Update
from tests.api.cloud_rig import CloudApi

PATH = "/v1/infrastructure/datastores"
IMAGE_DATASTORES = "/v1/infrastructure/image-datastores"
SYNC = "/v1/infrastructure/sync-hosts-config"


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CloudApi]:
    made = CloudApi(tmp_path, shape=HostShape(datastore_shared=False))
    await made.open()
    yield made
    await made.close()


async def test_a_datastore_is_shown_as_its_host_says_it_is(api: CloudApi) -> None:
    await api.ready_host()
    assert await api.get(f"{PATH}/sim-00001-datastore") == {
        "id": "sim-00001-datastore",
        "selfLink": f"http://api.test{PATH}/sim-00001-datastore",
        "kind": "datastore",
        "name": "sim-00001-datastore",
        "type": "LOCAL_VMFS",
        "tags": [SHARED_DATASTORE],
    }
    await api.refused("GET", f"{PATH}/none", code="DatastoreNotFound", status=404)


async def test_datastores_are_found_by_their_exact_tag_page_by_page(api: CloudApi) -> None:
    for number in range(5):
        row = Datastore(f"d{number}", f"d{number}", "NFS_3", ("NFS", "FAST"), 1)
        tags = [DatastoreTag(f"{row.id}/{tag}", row.id, tag) for tag in row.tags]
        writes = [Insert(DATASTORE_TAGS, tag) for tag in tags]
        await api.store.commit([Insert(DATASTORES, row), *writes])
    await api.ready_host()
    found = await api.items(f"{PATH}?tag=NFS&pageSize=2")
    assert [row["id"] for row in found] == [f"d{number}" for number in range(5)]
    assert await api.items(f"{PATH}?tag=NF") == []
    assert len(await api.items(f"{PATH}?pageSize=4")) == 6


async def test_the_set_of_image_datastores_only_grows(api: CloudApi) -> None:
    await api.ready_host()
    task = await api.run("POST", IMAGE_DATASTORES, {"items": ["b", "a"]}, status=200)
    assert (task.operation, task.entity_kind, task.state) == (
        "UPDATE_IMAGE_DATASTORES",
        "deployment",
        TaskState.COMPLETED,
    )
    assert [step.operation for step in task.steps] == [
        "SYNC_HOSTS_CONFIG_INITIATE",
        "SYNC_HOSTS_CONFIG",
    ]
    assert api.system.get().image_datastores == ("a", "b")
    error = await api.refused(
        "POST", IMAGE_DATASTORES, {"items": ["a", "c"]}, code="InvalidImageDatastoreSet"
    )
    assert error["data"] == {"proposed": "a, c", "existing": "a, b"}
    await api.run("POST", IMAGE_DATASTORES, {"items": ["a", "c", "b"]}, status=200)
    for wrong in ([], [" "]):
        await api.refused("POST", IMAGE_DATASTORES, {"items": wrong}, code="InvalidEntity")


async def test_a_sync_learns_what_hosts_have_now(api: CloudApi) -> None:
    host_id = await api.ready_host()
    host = await api.store.find(HOSTS, host_id)
    assert host is not None
    await api.store.commit([Update(HOSTS, msgspec.structs.replace(host, networks=("before",)))])
    task = await api.run("POST", SYNC)
    assert task.state is TaskState.COMPLETED
    host = await api.store.find(HOSTS, host_id)
    assert host is not None
    assert host.networks == ("VM Network",)


async def test_a_sync_counts_the_silent(api: CloudApi) -> None:
    await api.ready_host()
    api.endpoints.clear()
    task = await api.run("POST", SYNC)
    assert task.state is TaskState.COMPLETED
    assert task.steps[1].options == {"hosts": "1", "silent": "1"}
    assert task.steps[1].warnings
