"""Looks at the simulated cloud's store as nobody could from outside: at once, without delay."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field

from photon.domain.vm import Vm, VmState
from photon.plan.hosts import PlannedHost
from photon.plan.result import HostLoad, Sample
from photon.plan.stage import Stage
from photon.store.nouns import DEBTS, HOSTS, MISSING_HOSTS, VMS
from photon.store.protocol import PAGE_SIZE_MAX

_HELD = (VmState.STOPPED, VmState.STARTED, VmState.SUSPENDED)


@dataclass(frozen=True, slots=True)
class Holding:
    """What VMs hold of one host."""

    vms: int = 0
    cpus: int = 0
    memory_mib: int = 0


@dataclass(slots=True)
class View:
    """The cloud at one moment; hosts by address."""

    holding: dict[str, Holding] = field(default_factory=dict)
    vms: dict[str, Vm] = field(default_factory=dict)
    missing: frozenset[str] = frozenset()
    running: int = 0  # as far as is known

    @property
    def unreachable(self) -> int:
        return sum(self.holding[address].vms for address in self.missing if address in self.holding)


async def look(stage: Stage) -> View:
    """Every VM that lies on a host, whoever made it."""
    address_of = {id: address for address, id in stage.ground.host_ids.items()}
    vms = {vm.id: vm async for vm in _vms(stage) if vm.host_id in address_of}
    counted: dict[str, list[int]] = {}
    for vm in vms.values():
        assert vm.host_id is not None, "those without were left out"
        sums = counted.setdefault(address_of[vm.host_id], [0, 0, 0])
        sums[0] += 1
        sums[1] += vm.cpus
        sums[2] += vm.memory_mib
    holding = {address: Holding(*sums) for address, sums in counted.items()}
    gone = await missing(stage)
    running = sum(
        vm.state is VmState.STARTED and address_of[vm.host_id or ""] not in gone
        for vm in vms.values()
    )
    return View(holding, vms, gone, running)


async def _vms(stage: Stage) -> AsyncIterator[Vm]:
    after: str | None = None
    while True:
        page = await stage.world.store.page(VMS, {}, limit=PAGE_SIZE_MAX, after=after)
        for vm in page.items:
            if vm.state in _HELD:
                yield vm
        if not page.more:
            return
        after = page.items[-1].id


async def missing(stage: Stage) -> frozenset[str]:
    """Addresses of hosts that are MISSING."""
    store = stage.world.store
    if not await store.count(MISSING_HOSTS, {}):
        return frozenset()
    found: list[str] = []
    after: str | None = None
    while True:
        page = await store.page(MISSING_HOSTS, {}, limit=PAGE_SIZE_MAX, after=after)
        hosts = await store.find_many(HOSTS, [each.id for each in page.items])
        found += [host.address for host in hosts]
        if not page.more:
            return frozenset(found)
        after = page.items[-1].id


async def debts(stage: Stage, addresses: Iterable[str]) -> int:
    """What these hosts owe: what was decided while they were away, and not yet done there."""
    ids = [stage.ground.host_ids[address] for address in addresses]
    return sum([await stage.world.store.count(DEBTS, {"host_id": id}) for id in ids])


def loads_of(stage: Stage, view: View) -> list[HostLoad]:
    """Of every host, in the order of the file."""
    return [_load(host, view.holding.get(host.address, Holding())) for host in stage.hosts.hosts]


def _load(host: PlannedHost, held: Holding) -> HostLoad:
    return HostLoad(
        host=host.address,
        zone=host.zone,
        rack=host.rack,
        vms=held.vms,
        cpu=round(held.cpus / max(host.cpus_offered, 1), 4),
        memory=round(held.memory_mib / max(host.memory_mib_offered, 1), 4),
    )


def by_zone(stage: Stage, view: View, vm_ids: Iterable[str]) -> dict[str, int]:
    """How many of these VMs are in each zone; zones in the order of the file."""
    zone_of = {stage.ground.host_ids[host.address]: host.zone for host in stage.hosts.hosts}
    counts = Counter(
        zone_of[vm.host_id]
        for vm_id in vm_ids
        if (vm := view.vms.get(vm_id)) is not None and vm.host_id is not None
    )
    return {zone: counts[zone] for zone in dict.fromkeys(zone_of.values())}


def sample(stage: Stage, view: View, at: float, refused: int) -> Sample:
    """Shares are of the hosts that are not missing; 0 where there are none."""
    there: dict[str, list[int]] = {host.zone: [0, 0, 0, 0] for host in stage.hosts.hosts}
    for host in stage.hosts.hosts:
        if host.address in view.missing:
            continue
        held, sums = view.holding.get(host.address, Holding()), there[host.zone]
        sums[0] += held.cpus
        sums[1] += host.cpus_offered
        sums[2] += held.memory_mib
        sums[3] += host.memory_mib_offered
    return Sample(
        at=round(at, 3),
        vms=len(view.vms),
        running=view.running,
        unreachable=view.unreachable,
        hosts_missing=len(view.missing),
        refused=refused,
        cpu={zone: round(sums[0] / max(sums[1], 1), 4) for zone, sums in there.items()},
        memory={zone: round(sums[2] / max(sums[3], 1), 4) for zone, sums in there.items()},
    )
