"""Copies of images on hosts: made for EAGER images, and deleted when no image has them."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from photon.domain.image import Image, ReplicationType
from photon.domain.readiness import Readiness
from photon.reconcilers.image_replication import (
    ASK_ALL_SECONDS,
    RETRY_SECONDS,
    ImageReplication,
)
from photon.store.nouns import IMAGES
from photon.store.protocol import Delete, Insert, Update
from tests.agent.conftest import HandClock
from tests.api.cloud_rig import HOSTS, CloudApi


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def copies(api: CloudApi, clock: HandClock) -> Iterator[ImageReplication]:
    made = ImageReplication(
        api.store, api.agents, clock, lambda id: f"http://images.invalid/{id}", api.watch.silent
    )
    yield made
    made.close()


def a_checksum(number: int) -> str:
    return f"{number:064x}"


async def add_image(
    api: CloudApi,
    number: int = 1,
    kind: ReplicationType = ReplicationType.EAGER,
    state: Readiness = Readiness.READY,
) -> str:
    image = Image(f"image-{number}", "name", kind, state, checksum=a_checksum(number))
    await api.store.commit([Insert(IMAGES, image)])
    return image.id


async def having(api: CloudApi, number: int = 1) -> int:
    """How many hosts have the image."""
    drivers = api.simulation.drivers.values()
    return sum([await driver.has_image(a_checksum(number)) for driver in drivers])


async def percent(api: CloudApi, image_id: str = "image-1") -> str:
    return str((await api.get(f"/v1/images/{image_id}"))["replicationProgress"])


async def test_every_ready_host_gets_every_eager_image(
    api: CloudApi, copies: ImageReplication
) -> None:
    for number in (1, 2):
        await api.ready_host(number)
        await add_image(api, number)
    await api.add_host(3)
    await copies.once()
    assert [await having(api, number) for number in (1, 2)] == [2, 2]
    assert await percent(api) == "100%"


@pytest.mark.parametrize("kind", [ReplicationType.ON_DEMAND, ReplicationType.EAGER])
async def test_no_other_image_is_copied(
    api: CloudApi, copies: ImageReplication, kind: ReplicationType
) -> None:
    await api.ready_host()
    state = Readiness.READY if kind is ReplicationType.ON_DEMAND else Readiness.CREATING
    await add_image(api, 1, kind, state)
    await copies.once()
    assert await having(api) == 0
    assert await percent(api) == "0%"


async def test_a_host_and_an_image_that_come_later_are_heard_of(
    api: CloudApi, copies: ImageReplication
) -> None:
    await copies.once()
    await add_image(api, 1)
    await api.ready_host(1)
    await copies.once()
    await api.ready_host(2)
    await add_image(api, 2)
    await copies.once()
    assert [await having(api, number) for number in (1, 2)] == [2, 2]
    assert [await percent(api, f"image-{number}") for number in (1, 2)] == ["100%", "100%"]


async def test_a_fetch_that_fails_is_shown_and_made_again(
    api: CloudApi, copies: ImageReplication, clock: HandClock
) -> None:
    for number in (1, 2):
        await api.ready_host(number)
    await add_image(api)
    api.simulation.drivers["sim-00001"].faults.fetches_to_fail = 1
    await copies.once()
    assert await percent(api) == "50%"
    await copies.once()
    assert await having(api) == 1
    clock.seconds += RETRY_SECONDS
    await copies.once()
    assert await percent(api) == "100%"


async def test_a_silent_host_holds_up_nobody(
    api: CloudApi, copies: ImageReplication, clock: HandClock
) -> None:
    elsewhere = {"AGENT_ENDPOINT": "elsewhere.test:1"}
    api.endpoints["elsewhere.test:1"] = api.simulation.agent
    await api.ready_host(1, metadata=elsewhere)
    await api.ready_host(2)
    await add_image(api)
    del api.endpoints["elsewhere.test:1"]
    await copies.once()
    assert await percent(api) == "50%"
    api.endpoints["elsewhere.test:1"] = api.simulation.agent
    clock.seconds += RETRY_SECONDS
    await copies.once()
    assert await percent(api) == "100%"


async def test_only_ready_hosts_count(api: CloudApi, copies: ImageReplication) -> None:
    await api.ready_host(1)
    suspended = await api.ready_host(2)
    await api.run("POST", f"{HOSTS}/{suspended}/suspend", status=200)
    await add_image(api)
    await copies.once()
    assert (await having(api), await percent(api)) == (1, "100%")
    await api.run("POST", f"{HOSTS}/{suspended}/resume", status=200)
    await copies.once()
    assert (await having(api), await percent(api)) == (2, "100%")


async def test_a_copy_that_was_lost_is_found_missing_within_the_hour(
    api: CloudApi, copies: ImageReplication, clock: HandClock
) -> None:
    await api.ready_host()
    await add_image(api)
    await copies.once()
    await api.simulation.drivers["sim-00001"].delete_image(a_checksum(1))
    clock.seconds += ASK_ALL_SECONDS
    await copies.once()
    assert (await having(api), await percent(api)) == (1, "100%")


async def test_copies_of_a_deleted_image_go_within_the_hour(
    api: CloudApi, copies: ImageReplication, clock: HandClock
) -> None:
    await api.ready_host()
    await add_image(api, 1)
    await add_image(api, 2)
    await copies.once()
    await api.store.commit([Delete(IMAGES, "image-1")])
    row = await api.store.find(IMAGES, "image-2")
    assert row is not None
    leaving = msgspec.structs.replace(row, state=Readiness.PENDING_DELETE)
    await api.store.commit([Update(IMAGES, leaving)])
    clock.seconds += ASK_ALL_SECONDS
    await copies.once()
    assert [await having(api, number) for number in (1, 2)] == [0, 1]


async def test_nothing_to_do_costs_nothing(api: CloudApi, copies: ImageReplication) -> None:
    await api.ready_host()
    await add_image(api)
    await copies.once()
    await copies.once()
    before = await api.store.revision()
    await copies.once()
    assert await api.store.revision() == before
