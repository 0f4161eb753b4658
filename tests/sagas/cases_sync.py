"""The sagas that tell every host its terms once more."""

from __future__ import annotations

from typing import Final

from photon.domain.system import System
from photon.store.nouns import HOSTS, SYSTEM
from photon.store.protocol import Insert
from tests.tasks.building import Client, build_site
from tests.tasks.harness import SagaCase
from tests.tasks.world import World

_PATH: Final = "/v1/infrastructure"


async def _system(world: World, client: Client) -> None:
    """The row that the first controller of a deployment makes."""
    await world.store.commit([Insert(SYSTEM, System())])


async def hosts_are_known(world: World) -> None:
    for host in (await world.store.page(HOSTS, {}, limit=10)).items:
        assert host.datastore_ids == (f"{host.address}-datastore",)


CASES: Final = (
    SagaCase(
        "SYNC_HOSTS_CONFIG",
        (build_site,),
        lambda world: ("POST", f"{_PATH}/sync-hosts-config", None),
        check=hosts_are_known,
        check_failed=hosts_are_known,
    ),
    SagaCase(
        "UPDATE_IMAGE_DATASTORES",
        (build_site, _system),
        lambda world: ("POST", f"{_PATH}/image-datastores", {"items": ["one"]}),
        check=hosts_are_known,
        check_failed=hosts_are_known,
    ),
)
