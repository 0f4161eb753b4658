"""The sagas of VMs, each in the world in which it is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from photon.agent.drivers.simulated_site import addresses_of
from photon.domain.audit import Rule
from photon.domain.disk import DiskState
from photon.domain.guest import PowerOp
from photon.domain.vm import Vm, VmState
from photon.sagas.power_vm import OPERATIONS
from photon.sagas.tries import PLACEMENT_TRIES_MAX
from photon.store.nouns import VMS
from photon.tasks.runner import TaskLimits
from tests.tasks.building import Client, build_disk, build_site, build_vm, host_spec, vm_spec
from tests.tasks.fate import Fate
from tests.tasks.harness import Check, Request, SagaCase
from tests.tasks.life import Life
from tests.tasks.roads import full_hosts
from tests.tasks.world import World

_VERBS: Final = {
    PowerOp.START: "start",
    PowerOp.STOP: "stop",
    PowerOp.RESTART: "restart",
    PowerOp.SUSPEND: "suspend",
    PowerOp.RESUME: "resume",
}
_BEFORE: Final = {
    PowerOp.START: VmState.STOPPED,
    PowerOp.STOP: VmState.STARTED,
    PowerOp.RESTART: VmState.STARTED,
    PowerOp.SUSPEND: VmState.STARTED,
    PowerOp.RESUME: VmState.SUSPENDED,
}
_AFTER: Final = {
    PowerOp.START: VmState.STARTED,
    PowerOp.STOP: VmState.STOPPED,
    PowerOp.RESTART: VmState.STARTED,
    PowerOp.SUSPEND: VmState.SUSPENDED,
    PowerOp.RESUME: VmState.STARTED,
}


async def the_only_vm(world: World) -> Vm:
    [vm] = (await world.store.page(VMS, {}, limit=2)).items
    return vm


def vm_is(state: VmState) -> Check:
    async def check(world: World) -> None:
        vm = await the_only_vm(world)
        assert (vm.state, vm.task_id) == (state, None)

    return check


async def no_vm(world: World) -> None:
    assert await world.store.count(VMS, {}) == 0
    assert all(not inventory.guests for inventory in await world.inventories())


async def vm_failed(world: World) -> None:
    vm = await the_only_vm(world)
    assert (vm.state, vm.host_id, vm.task_id) == (VmState.ERROR, None, None)
    assert {disk.state for disk in vm.disks} == {DiskState.ERROR}
    assert all(not inventory.guests for inventory in await world.inventories())


def on_vm(verb: str) -> Callable[[World], Request]:
    return lambda world: ("POST", f"/v1/vms/{world.names['vm']}/{verb}", None)


def in_state(state: VmState) -> tuple[Callable[[World, Client], Awaitable[None]], ...]:
    async def bring(world: World, client: Client) -> None:
        path = f"/v1/vms/{world.names['vm']}"
        if state is not VmState.STOPPED:
            await client.done("POST", f"{path}/start")
        if state is VmState.SUSPENDED:
            await client.done("POST", f"{path}/suspend")

    return (build_site, build_vm, bring)


def _power(op: PowerOp) -> SagaCase:
    before, after = _BEFORE[op], _AFTER[op]
    return SagaCase(
        OPERATIONS[op],
        in_state(before),
        on_vm(_VERBS[op]),
        check=vm_is(after),
        check_failed=vm_is(before),
        # The guest was switched and nobody heard: its host's report says so.
        one_way=True,
        mended=frozenset({Rule.STATES_AGREE}),
        check_done_anyway=vm_is(after),
    )


def _create(world: World) -> Request:
    return "POST", f"/v1/projects/{world.names['project']}/vms", vm_spec(world)


def _full(hosts: int) -> Callable[[World], None]:
    def prepare(world: World) -> None:
        world.agents = full_hosts(world.agents, hosts)

    return prepare


async def more_hosts(world: World, client: Client) -> None:
    for address in addresses_of(PLACEMENT_TRIES_MAX + 1)[2:]:
        host_id = await client.made("/v1/infrastructure/hosts", host_spec(address))
        await client.done("POST", f"/v1/infrastructure/hosts/{host_id}/provision")


def _disk_of_vm(verb: str) -> Callable[[World], Request]:
    def ask(world: World) -> Request:
        body = {"diskId": world.names["disk"]}
        return "POST", f"/v1/vms/{world.names['vm']}/{verb}", body

    return ask


async def attached(world: World) -> None:
    vm = await the_only_vm(world)
    assert [disk.id for disk in vm.persistent_disks] == [world.names["disk"]]


async def detached(world: World) -> None:
    vm = await the_only_vm(world)
    assert vm.persistent_disks == ()


async def attach(world: World, client: Client) -> None:
    await client.done(*_disk_of_vm("attach_disk")(world))


async def hold_vm(world: World, client: Client) -> None:
    """Another controller has a task on the VM, and no room to run it."""
    around = client.life.around
    other = Life(around, "controller-9", Fate(), TaskLimits(running=0, waiting=1))
    await other.open()
    asking = Client(other)
    await asking.submit(*on_vm("start")(world))
    await asking.close()
    other.fate.dead = True
    await other.end()


async def vm_is_held(world: World) -> None:
    vm = await the_only_vm(world)
    assert vm.state is VmState.STOPPED
    assert vm.task_id is not None


CASES: Final = (
    SagaCase(
        "CREATE_VM",
        (build_site,),
        _create,
        check=vm_is(VmState.STOPPED),
        check_failed=vm_failed,
    ),
    SagaCase(
        "CREATE_VM",
        (build_site,),
        _create,
        name="when a host has filled up",
        check=vm_is(VmState.STOPPED),
        check_failed=vm_failed,
        prepare=_full(1),
    ),
    SagaCase(
        "CREATE_VM",
        (build_site, more_hosts),
        _create,
        name="when as many hosts have as are tried, but one",
        hosts=PLACEMENT_TRIES_MAX + 1,
        check=vm_is(VmState.STOPPED),
        check_failed=vm_failed,
        prepare=_full(PLACEMENT_TRIES_MAX),
    ),
    SagaCase(
        "CREATE_VM",
        (build_site,),
        _create,
        name="when all hosts have filled up",
        completes=False,
        check=vm_failed,
        check_failed=vm_failed,
        prepare=_full(2),
    ),
    SagaCase(
        "DELETE_VM",
        (build_site, build_vm),
        lambda world: ("DELETE", f"/v1/vms/{world.names['vm']}", None),
        check=no_vm,
        check_failed=vm_is(VmState.STOPPED),
        one_way=True,
        mended=frozenset({Rule.VM_HAS_GUEST}),
        check_done_anyway=vm_is(VmState.ERROR),
    ),
    *(_power(op) for op in PowerOp),
    SagaCase(
        "ATTACH_DISK",
        (build_site, build_vm, build_disk),
        _disk_of_vm("attach_disk"),
        check=attached,
        check_failed=detached,
    ),
    SagaCase(
        "DETACH_DISK",
        (build_site, build_vm, build_disk, attach),
        _disk_of_vm("detach_disk"),
        check=detached,
        check_failed=attached,
        one_way=True,
        mended=frozenset({Rule.ATTACHMENTS_AGREE}),
    ),
    SagaCase(
        "REFUSED",
        (build_site, build_vm, hold_vm),
        on_vm("stop"),
        completes=False,
        check=vm_is_held,
    ),
    SagaCase(
        "GET_NETWORKS",
        in_state(VmState.STARTED),
        lambda world: ("GET", f"/v1/vms/{world.names['vm']}/subnets", None),
    ),
    SagaCase(
        "GET_MKS_TICKET",
        in_state(VmState.STARTED),
        lambda world: ("GET", f"/v1/vms/{world.names['vm']}/mks_ticket", None),
    ),
    SagaCase("GET_CONSOLE_TICKET", in_state(VmState.STARTED), on_vm("console_ticket")),
)
