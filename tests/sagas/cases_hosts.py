"""The sagas of hosts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from photon.domain.guest import HostMode
from photon.domain.host import HostState
from photon.store.nouns import HOSTS
from tests.tasks.building import Builder, Client, build_site, host_spec
from tests.tasks.harness import Check, Request, SagaCase
from tests.tasks.world import World

_HOSTS: Final = "/v1/infrastructure/hosts"
_NEW: Final = "sim-00003"  # the third, which the site does not use


def _host(world: World, verb: str = "") -> str:
    return f"{_HOSTS}/{world.names['host2']}{verb and '/'}{verb}"


def _post(verb: str) -> Callable[[World], Request]:
    return lambda world: ("POST", _host(world, verb), None)


def host_is(state: HostState, mode: HostMode | None = None, address: str = "sim-00002") -> Check:
    async def check(world: World) -> None:
        hosts = (await world.store.page(HOSTS, {"address": address}, limit=2)).items
        assert [(host.state, host.task_id) for host in hosts] == [(state, None)]
        if mode is not None:
            assert world.simulation.hosts.by_address[address].mode is mode

    return check


async def host_is_gone(world: World) -> None:
    assert await world.store.count(HOSTS, {"address": "sim-00002"}) == 0
    assert not world.simulation.hosts.by_address["sim-00002"].is_owned


async def _add(world: World, client: Client) -> None:
    world.names["host2"] = await client.made(_HOSTS, host_spec(_NEW))


def _brought(*verbs: str) -> tuple[Builder, ...]:
    async def bring(world: World, client: Client) -> None:
        for verb in verbs:
            await client.done("POST", _host(world, verb))

    return (build_site, bring)


async def _zone(world: World, client: Client) -> None:
    world.names["zone"] = await client.made("/v1/zones", {"name": "east"})


CASES: Final = (
    SagaCase(
        "CREATE_HOST",
        (build_site,),
        lambda world: ("POST", _HOSTS, host_spec(_NEW)),
        hosts=3,
        check=host_is(HostState.NOT_PROVISIONED, HostMode.DEPROVISIONED, _NEW),
        check_failed=host_is(HostState.ERROR, HostMode.DEPROVISIONED, _NEW),
    ),
    SagaCase(
        "PROVISION_HOST",
        (build_site, _add),
        _post("provision"),
        hosts=3,
        check=host_is(HostState.READY, HostMode.NORMAL, _NEW),
        check_failed=host_is(HostState.ERROR, HostMode.DEPROVISIONED, _NEW),
        one_way=True,
        check_done_anyway=host_is(HostState.ERROR, HostMode.NORMAL, _NEW),
    ),
    SagaCase(
        "SUSPEND_HOST",
        (build_site,),
        _post("suspend"),
        check=host_is(HostState.SUSPENDED, HostMode.NORMAL),
        check_failed=host_is(HostState.READY, HostMode.NORMAL),
    ),
    SagaCase(
        "RESUME_HOST",
        _brought("suspend"),
        _post("resume"),
        check=host_is(HostState.READY, HostMode.NORMAL),
        check_failed=host_is(HostState.SUSPENDED, HostMode.NORMAL),
    ),
    SagaCase(
        "ENTER_MAINTENANCE_MODE",
        _brought("suspend"),
        _post("enter-maintenance"),
        check=host_is(HostState.MAINTENANCE, HostMode.MAINTENANCE),
        check_failed=host_is(HostState.SUSPENDED, HostMode.NORMAL),
        one_way=True,
        check_done_anyway=host_is(HostState.SUSPENDED, HostMode.MAINTENANCE),
    ),
    SagaCase(
        "EXIT_MAINTENANCE_MODE",
        _brought("suspend", "enter-maintenance"),
        _post("exit-maintenance"),
        check=host_is(HostState.READY, HostMode.NORMAL),
        check_failed=host_is(HostState.MAINTENANCE, HostMode.MAINTENANCE),
        one_way=True,
        check_done_anyway=host_is(HostState.MAINTENANCE, HostMode.NORMAL),
    ),
    SagaCase(
        "SET_AVAILABILITYZONE",
        (build_site, _zone),
        lambda world: (
            "POST",
            _host(world, "set_availability_zone"),
            {"availabilityZoneId": world.names["zone"]},
        ),
        check=host_is(HostState.READY),
        check_failed=host_is(HostState.READY),
    ),
    SagaCase(
        "DELETE_HOST",
        _brought("suspend", "enter-maintenance"),
        lambda world: ("DELETE", _host(world), None),
        check=host_is_gone,
        check_failed=host_is(HostState.MAINTENANCE, HostMode.MAINTENANCE),
        one_way=True,
        check_done_anyway=host_is(HostState.MAINTENANCE, HostMode.DEPROVISIONED),
    ),
)
