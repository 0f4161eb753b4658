"""Adds up what hosts and datastores hold, each VM and disk once, and keeps the table in step."""

from __future__ import annotations

from collections.abc import Hashable
from math import ceil

import msgspec

from photon.domain.guest import HostDatastore
from photon.domain.placement import HostView, storage_labels
from photon.scheduler.books import NO_ROW, DatastoreBook, DiskHeld, Held, HostBook
from photon.scheduler.datastores import Datastores
from photon.scheduler.groups import Groups, Neighbours
from photon.scheduler.policy import Policy
from photon.scheduler.table import HostTable


class Ledger:
    def __init__(self, policy: Policy, datastores: Datastores, groups: Groups) -> None:
        self._policy = policy
        self.neighbours = Neighbours(groups)
        self.hosts: dict[str, HostBook] = {}
        self.datastores = datastores
        self.where: dict[str, Held] = {}  # by VM or disk; the latest, if several hosts have it
        self._doubled: set[str] = set()  # such as disks on a datastore that many hosts report
        self._changes = 0
        self._table: HostTable | None = None

    def table(self) -> HostTable:
        if self._table is not None and self._table.stale:
            self._remake()
        if self._table is None:
            self.datastores.forget_unreached()
            self._table = HostTable(self.hosts.values())
            self._table.writes_seen = self.datastores.writes
        elif self._table.writes_seen != self.datastores.writes:
            self._catch_up(self._table)
        return self._table

    @property
    def generation(self) -> Hashable:
        """Another one after every change, such as one that another leaf made to a datastore."""
        table = self._table
        if table is not None and table.writes_seen != self.datastores.writes:
            self._catch_up(table)
        return self._changes, (table.room_writes, table.stale) if table is not None else None

    # --- hosts -----------------------------------------------------------------------------------

    def host(self, id: str) -> HostBook:
        host = self.hosts.get(id)
        if host is None:
            host = self.hosts[id] = HostBook(id)
            self.neighbours.told.arrive(id)
        return host

    def view(self, host: HostBook, view: HostView) -> None:
        """What the host is, anew. Only a change of state, zone or usage is cheap."""
        before, host.view = host.view, view
        share = self._policy.failover_share
        host.cpus_kept = ceil(view.cpus_offered * share)
        host.memory_mib_kept = ceil(view.memory_mib_offered * share)
        host.cpus_offered = view.cpus_offered - host.cpus_kept
        host.memory_mib_offered = view.memory_mib_offered - host.memory_mib_kept
        if before is None or _without_readiness(before) != _without_readiness(view):
            self._remake()
        elif before != view:
            self.readiness(host)

    def readiness(self, host: HostBook) -> None:
        self._changes += 1
        if self._table is not None and host.row != NO_ROW:
            self._table.write_readiness(host)

    def remove(self, host: HostBook) -> None:
        """The caller has dropped all that it held."""
        del self.hosts[host.id]
        self.neighbours.told.leave(host.id)
        for datastore in host.datastores:
            self.datastores.unreach(datastore)
        self._remake()

    def detach(self, host: HostBook) -> None:
        """Its book goes to another leaf of those that share datastores and groups, as it is."""
        del self.hosts[host.id]
        self.neighbours.told.leave(host.id)
        for held in host.held.values():
            self._lose(held)
            self.neighbours.drop(held.groups, host)
        self._remake()

    def attach(self, host: HostBook) -> None:
        assert host.id not in self.hosts, "one book a host"
        self.hosts[host.id] = host
        self.neighbours.told.arrive(host.id)
        for held in host.held.values():
            self._find(held)
            self.neighbours.add(held.groups, host)
        self._remake()

    def images(self, host: HostBook, checksums: set[str]) -> None:
        if self._table is not None and host.row != NO_ROW:
            self._table.drop_images(host, host.images - checksums)
            self._table.add_images(host, checksums - host.images)
        host.images = checksums

    def reach(self, host: HostBook, reported: tuple[HostDatastore, ...]) -> None:
        """The datastores that the host reaches now, all of them. One that several hosts reach is
        what the last of them says."""
        if reported == host.datastores_reported:
            return
        host.datastores_reported = reported
        for datastore in reported:
            self._describe(self.datastore(datastore.id), datastore)
        datastores = tuple(map(self.datastore, sorted({each.id for each in reported})))
        if datastores != host.datastores:
            for book in datastores:
                self.datastores.reach(book)
            for book in host.datastores:
                self.datastores.unreach(book)
            host.datastores = datastores
            self._remake()

    def datastore(self, id: str) -> DatastoreBook:
        return self.datastores.get(id)

    # --- amounts ---------------------------------------------------------------------------------

    def take(self, held: Held) -> None:
        host = held.host
        host.held_cpus += held.cpus
        host.held_memory_mib += held.memory_mib
        for disk in held.disks:
            disk.datastore.claim(disk.disk_id, disk.gib)
        self._write(held)

    def give(self, held: Held) -> None:
        host = held.host
        host.held_cpus -= held.cpus
        host.held_memory_mib -= held.memory_mib
        for disk in held.disks:
            disk.datastore.unclaim(disk.disk_id)
        self._write(held)

    def enter(self, held: Held) -> None:
        """Takes room under the held id, room or not."""
        assert held.id not in held.host.held, "one VM holds once of one host"
        held.host.held[held.id] = held
        self._find(held)
        held.groups = self.neighbours.told.keys_of(held.id, held.groups)
        self.neighbours.add(held.groups, held.host)
        self.take(held)

    def drop(self, held: Held) -> None:
        del held.host.held[held.id]
        self._lose(held)
        self.neighbours.drop(held.groups, held.host)
        self.give(held)

    def regroup(self, held: Held, groups: frozenset[str]) -> None:
        """A demand says what it is a member of; what the store says is newer."""
        groups = self.neighbours.told.keys_of(held.id, groups)
        if groups != held.groups:
            self.neighbours.drop(held.groups, held.host)
            self.neighbours.add(groups, held.host)
            held.groups = groups
            self._changes += 1

    def resize(self, held: Held, cpus: int, memory_mib: int, disks: tuple[DiskHeld, ...]) -> None:
        """To what the host says that it is."""
        if held.cpus == cpus and held.memory_mib == memory_mib and _same(held.disks, disks):
            return
        self.give(held)
        held.cpus, held.memory_mib, held.disks = cpus, memory_mib, disks
        self.take(held)

    def _write(self, held: Held) -> None:
        self._changes += 1
        if self._table is not None and held.host.row != NO_ROW:
            self._table.write_amounts(held.host)
        for disk in held.disks:
            self.datastores.write(disk.datastore)

    def _catch_up(self, table: HostTable) -> None:
        """With what was taken of datastores, by whichever leaf."""
        for datastore in self.datastores.written_since(table.writes_seen) or table.datastores:
            row = datastore.rows.get(table)
            if row is not None:
                table.write_room(row, datastore.free_gib)
        table.writes_seen = self.datastores.writes

    def _find(self, held: Held) -> None:
        if held.id in self.where:
            self._doubled.add(held.id)
        self.where[held.id] = held

    def _lose(self, held: Held) -> None:
        if held.id in self._doubled:
            self._find_another(held.id)
        else:
            del self.where[held.id]

    def _find_another(self, id: str) -> None:
        others = [host.held[id] for host in self.hosts.values() if id in host.held]
        if len(others) <= 1:
            self._doubled.discard(id)
        if others:
            self.where[id] = others[0]
        else:
            del self.where[id]

    # --- the table -------------------------------------------------------------------------------

    def _remake(self) -> None:
        self._changes += 1
        if self._table is not None:
            self._table.leave()
            self._table = None

    def _describe(self, book: DatastoreBook, reported: HostDatastore) -> None:
        capacity_gib = int(reported.capacity_gib * self._policy.datastore_overcommit)
        type, labels = reported.type.upper(), storage_labels(reported)
        if (book.capacity_gib, book.type, book.labels) != (capacity_gib, type, labels):
            book.capacity_gib, book.type, book.labels = capacity_gib, type, labels
            for table in book.rows:
                table.stale = True


def _without_readiness(view: HostView) -> HostView:
    return msgspec.structs.replace(view, state="", zone_id=None, usage_tags=frozenset())


def _same(a: tuple[DiskHeld, ...], b: tuple[DiskHeld, ...]) -> bool:
    return len(a) == len(b) and all(
        x.disk_id == y.disk_id and x.datastore is y.datastore and x.gib == y.gib
        for x, y in zip(a, b, strict=True)
    )
