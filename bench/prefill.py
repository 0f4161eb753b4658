"""Fills a cloud in bulk, while its programs are stopped: hosts and VMs as copies of real ones.

One host of each agent and one VM were made through the API. All that this left in the store and in
the agents' journals is copied under other names, through the store's own write-sets and in the
journal's own form: so nobody can tell a copy from what was made one by one. Which host a VM is on
follows from its number alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from bench.failure import BenchFailed
from bench.progress import counted
from bench.stencil import RowStencil, Stencil
from photon.agent.drivers.simulated_site import addresses_of
from photon.agent.journal import by_host
from photon.domain.host import Host
from photon.domain.quota import Amount, total
from photon.domain.vm import Vm, all_costs
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from photon.store.nouns import (
    EPHEMERAL_DISKS,
    HOST_DATASTORES,
    HOSTS,
    NICS,
    NOUNS,
    TASKS,
    VMS,
)
from photon.store.protocol import Charge, CloudStore, Noun, Write
from photon.store.sqlite import SqliteOptions, SqliteStore

SETS_AT_ONCE = 16
COPIES_A_SET = 100  # A write-set may have a thousand writes; a copy is up to nine.
ROWS_MAX = 20  # Of one kind that a host or a VM has.
JOURNAL = "journal"


@dataclass(frozen=True, slots=True)
class HostPlace:
    """A host by its address, the id that the plane knows it by, and its agent's journal."""

    id: str
    address: str
    journal: Path


@dataclass(slots=True)
class Filled:
    """What there is by now."""

    hosts: list[HostPlace] = field(default_factory=list)
    vm_ids: list[str] = field(default_factory=list)  # in the order of their lists


class Prefill:
    """`journals` are those of the agents, each with the number of its first host and of all."""

    def __init__(self, store_path: Path, journals: list[tuple[Path, int, int]]) -> None:
        self._clock = RealClock()
        self._ids = TimeOrderedIds(self._clock)
        self._path = store_path
        self._journals = journals
        self.filled = Filled()

    async def hosts(self) -> None:
        """All hosts of all agents."""
        store = self._store()
        try:
            for directory, first, count in self._journals:
                await self._hosts_of(store, directory / JOURNAL, addresses_of(count, first))
        finally:
            await store.close()

    async def vms(self, vm_id: str, count: int) -> None:
        """So many copies of the VM, spread evenly over all hosts."""
        store = self._store()
        try:
            await self._vms(store, vm_id, count)
        finally:
            await store.close()

    def _store(self) -> SqliteStore:
        return SqliteStore(str(self._path), NOUNS, self._clock, SqliteOptions())

    async def _hosts_of(self, store: CloudStore, journal: Path, addresses: tuple[str, ...]) -> None:
        real = await _first(store, HOSTS, {"address": addresses[0]})
        stencils = await _host_rows(store, real)
        lines = _lines_of(journal, real.address, [real.id, real.address])
        self.filled.hosts.append(HostPlace(real.id, real.address, journal))
        sets = _Sets(store)
        with journal.open("ab") as file:
            for part in _parts(counted(addresses[1:], len(addresses) - 1, "hosts")):
                writes: list[Write] = []
                for address in part:
                    place = HostPlace(self._ids.new(), address, journal)
                    renamed = {real.id: place.id.encode(), real.address: address.encode()}
                    writes += [row.print(renamed | self._fresh(row.own_id)) for row in stencils]
                    file.writelines(line.print(renamed) for line in lines)
                    self.filled.hosts.append(place)
                await sets.add(writes)
            await sets.end()

    async def _vms(self, store: CloudStore, vm_id: str, count: int) -> None:
        vm = await store.find(VMS, vm_id)
        if vm is None or vm.host_id is None or vm.host_address is None:
            raise BenchFailed("The VM that is to be copied is not there; run it again.")
        names = [vm.id, vm.host_id, vm.host_address, vm.name, *(disk.id for disk in vm.disks)]
        nics = [await _must(store, NICS, id) for id in vm.nic_ids]
        names += [nic.mac_address for nic in nics]
        stencils = await _vm_rows(store, vm, names)
        [real] = [host for host in self.filled.hosts if host.id == vm.host_id]
        lines = _lines_of(real.journal, real.address, names, holding=vm.id)
        sets = _Sets(store)
        journals = {host.journal for host in self.filled.hosts}
        files = {journal: journal.open("ab") for journal in journals}
        try:
            made = len(self.filled.vm_ids)
            for part in _parts(counted(range(made, made + count), count, "VMs")):
                writes: list[Write] = [Charge(vm.project_id, _times(vm, len(part)))]
                for number in part:
                    host = self.filled.hosts[number % len(self.filled.hosts)]
                    renamed = self._renamed(vm, host, number)
                    renamed |= {
                        nic.mac_address: _mac(number, place) for place, nic in enumerate(nics)
                    }
                    writes += [row.print(renamed | self._fresh(row.own_id)) for row in stencils]
                    files[host.journal].writelines(line.print(renamed) for line in lines)
                    self.filled.vm_ids.append(renamed[vm.id].decode())
                await sets.add(writes)
            await sets.end()
        finally:
            for file in files.values():
                file.close()

    def _renamed(self, vm: Vm, host: HostPlace, number: int) -> dict[str, bytes]:
        assert vm.host_id is not None
        assert vm.host_address is not None
        return {
            vm.id: self._ids.new().encode(),
            vm.host_id: host.id.encode(),
            vm.host_address: host.address.encode(),
            vm.name: f"fill-{number}".encode(),
            **{disk.id: self._ids.new().encode() for disk in vm.disks},
        }

    def _fresh(self, own_id: str | None) -> dict[str, bytes]:
        """A row that has a name of its own, such as a task, gets another."""
        return {} if own_id is None else {own_id: self._ids.new().encode()}


class _Sets:
    """Write-sets, some of them on their way together: they share one wait for the disk."""

    def __init__(self, store: CloudStore) -> None:
        self._store = store
        self._waiting: list[asyncio.Task[int]] = []

    async def add(self, writes: list[Write]) -> None:
        self._waiting.append(asyncio.create_task(self._store.commit(writes)))
        if len(self._waiting) >= SETS_AT_ONCE:
            await self.end()

    async def end(self) -> None:
        waiting, self._waiting = self._waiting, []
        await asyncio.gather(*waiting)


class _Row(RowStencil[Any]):
    def __init__(self, noun: Noun[Any], entity: Any, names: list[str]) -> None:
        self.own_id = entity.id if noun is TASKS else None
        super().__init__(noun, entity, [*names, *([self.own_id] if self.own_id else [])])


async def _host_rows(store: CloudStore, host: Host) -> list[_Row]:
    names = [host.id, host.address]
    rows = [_Row(HOSTS, host, names)]
    links = await store.page(HOST_DATASTORES, {"host_id": host.id}, limit=ROWS_MAX)
    rows += [_Row(HOST_DATASTORES, link, names) for link in links.items]
    tasks = await store.page(TASKS, {"entity_id": host.id}, limit=ROWS_MAX)
    return rows + [_Row(TASKS, task, names) for task in tasks.items]


async def _vm_rows(store: CloudStore, vm: Vm, names: list[str]) -> list[_Row]:
    rows = [_Row(VMS, vm, names)]
    rows += [_Row(NICS, await _must(store, NICS, id), names) for id in vm.nic_ids]
    for disk in vm.ephemeral_disks:
        rows.append(_Row(EPHEMERAL_DISKS, await _must(store, EPHEMERAL_DISKS, disk.id), names))
    tasks = await store.page(TASKS, {"entity_id": vm.id}, limit=ROWS_MAX)
    return rows + [_Row(TASKS, task, names) for task in tasks.items]


async def _first(store: CloudStore, noun: Noun[Any], where: dict[str, str]) -> Any:
    return (await store.page(noun, where, limit=1)).items[0]


async def _must(store: CloudStore, noun: Noun[Any], id: str) -> Any:
    found = await store.find(noun, id)
    assert found is not None, f"{noun.name} has {id}"
    return found


def _lines_of(journal: Path, address: str, names: list[str], holding: str = "") -> list[Stencil]:
    """The lines that the journal has of the host, or of those the ones that name `holding`."""
    values: dict[str, bytes] = {}
    for line in journal.read_bytes().splitlines():
        key, tab, value = line.partition(b"\t")
        if tab:
            values[key.decode()] = value
        else:
            values.pop(key.decode(), None)
    lines = [
        f"{address}/{rest}\t".encode() + value + b"\n"
        for rest, value in by_host(values)[address].items()
    ]
    kept = [line for line in lines if holding.encode() in line]
    if not holding:  # What is on the host is not the host's.
        kept = [line for line in lines if line.split(b"/")[1].split(b"\t")[0] in _OF_A_HOST]
    return [Stencil(line, names) for line in kept]


_OF_A_HOST = (b"tenure", b"image")


def _times(vm: Vm, count: int) -> tuple[Amount, ...]:
    costs = total(all_costs(vm))
    return tuple([msgspec.structs.replace(each, value=each.value * count) for each in costs])


def _mac(number: int, place: int) -> bytes:
    """Locally administered; other than those that the controller makes, whose second byte is not
    zero as a rule, and different for each card here."""
    octets = (number * 4 + place).to_bytes(4, "big")
    return ":".join(["02", "00", *(f"{octet:02x}" for octet in octets)]).encode()


def _parts(items: Iterable[Any]) -> Iterator[list[Any]]:
    part: list[Any] = []
    for item in items:
        part.append(item)
        if len(part) == COPIES_A_SET:
            yield part
            part = []
    if part:
        yield part
