"""Hosts as columns: one NumPy array a fact, so that a question is asked of all hosts at once.

Row i is hosts[i], sorted by id, so that the first of equals has the lowest id. The table mirrors
the books and is thrown away when a host or a datastore comes, goes or changes what it is; amounts
and readiness are written into it as they change. A datastore that hosts of several leaves reach
has a row in each leaf's table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from photon.domain.guest import HostMode
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.scheduler.books import HostBook

Mask = npt.NDArray[np.bool_]
Amounts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Objects = npt.NDArray[np.object_]

# Row 0 of the datastores is "none": it fails every question about room, even for 0 GiB.
NO_DATASTORE: Final = 0
# One byte a host each. An image past these is placed well, but not where it lies already.
IMAGES_KNOWN_MAX: Final = 4096
_NO_ROOM_GIB: Final = -1
# Arrays of a table that say what an amount is of each host. Demands have few sizes at a time; 16 of
# these arrays are 32 KiB a leaf.
COSTS_MAX: Final = 8


class HostTable:
    def __init__(self, hosts: Iterable[HostBook]) -> None:
        self.hosts = sorted((host for host in hosts if host.view), key=lambda host: host.id)
        reached = {datastore for host in self.hosts for datastore in host.datastores}
        self.datastores = sorted(reached, key=lambda datastore: datastore.id)
        self.everyone: Mask = np.ones(len(self.hosts), dtype=np.bool_)
        self.nobody: Mask = np.zeros(len(self.hosts), dtype=np.bool_)
        self.version = 0  # rises when a column changes that fixed filters read
        self.room_writes = 0  # rises with the room of a datastore, whoever took it
        self.stale = False  # a datastore is not what it was
        self.writes_seen = 0  # of all writes to shared datastores: see Datastores
        self._cpu_costs: dict[int, Shares] = {}
        self._memory_costs: dict[int, Shares] = {}
        self._number()
        self._fill_amounts()
        self._fill_facts()

    def __len__(self) -> int:
        return len(self.hosts)

    def cpu_cost(self, cpus: int) -> Shares:
        """By host, what `cpus` are of all that it offers."""
        return _cost(self._cpu_costs, self.cpu_share, cpus)

    def memory_cost(self, memory_mib: int) -> Shares:
        """By host, what `memory_mib` are of all that it offers."""
        return _cost(self._memory_costs, self.memory_share, memory_mib)

    # --- written as things change ----------------------------------------------------------------

    def write_amounts(self, host: HostBook) -> None:
        row = host.row
        cpus = host.cpus_offered - host.held_cpus
        memory_mib = host.memory_mib_offered - host.held_memory_mib
        self.free_cpus[row] = cpus
        self.free_memory_mib[row] = memory_mib
        self.cpu_left[row] = cpus / (host.cpus_offered or 1)
        self.memory_left[row] = memory_mib / (host.memory_mib_offered or 1)

    def write_room(self, row: int, free_gib: int) -> None:
        self.free_gib[row] = free_gib
        self.room_writes += 1

    def leave(self) -> None:
        """Nothing is written into it any more."""
        for datastore in self.datastores:
            del datastore.rows[self]

    def write_readiness(self, host: HostBook) -> None:
        view = _view(host)
        self.ready[host.row] = _is_ready(host)
        self.answers[host.row] = host.heard and not host.silent
        self.usage[host.row] = _usage_bits(view.usage_tags)
        self.zone[host.row] = view.zone_id
        self.version += 1

    # --- made once -------------------------------------------------------------------------------

    def _number(self) -> None:
        for row, host in enumerate(self.hosts):
            host.row = row
        for row, datastore in enumerate(self.datastores, start=NO_DATASTORE + 1):
            datastore.rows[self] = row
        width = max((len(host.datastores) for host in self.hosts), default=0)
        self.reach: Rows = np.full((len(self.hosts), width), NO_DATASTORE, dtype=np.intp)
        for host in self.hosts:
            rows = sorted(datastore.rows[self] for datastore in host.datastores)
            self.reach[host.row, : len(rows)] = rows

    def _fill_amounts(self) -> None:
        hosts, datastores = self.hosts, self.datastores
        self.free_cpus: Amounts = _int64([host.free_cpus for host in hosts])
        self.free_memory_mib: Amounts = _int64([host.free_memory_mib for host in hosts])
        self.cpus_offered: Amounts = _int64([host.cpus_offered for host in hosts])
        self.memory_mib_offered: Amounts = _int64([host.memory_mib_offered for host in hosts])
        self.gib_offered: Amounts = _int64([0, *(each.capacity_gib for each in datastores)])
        self.cpus_kept: Amounts = _int64([host.cpus_kept for host in hosts])
        self.memory_mib_kept: Amounts = _int64([host.memory_mib_kept for host in hosts])
        self.cpu_share = _shares(self.cpus_offered)
        self.memory_share = _shares(self.memory_mib_offered)
        self.gib_share = _shares(self.gib_offered)
        # What is free as a share of what is offered.
        self.cpu_left = _left(self.free_cpus, self.cpus_offered)
        self.memory_left = _left(self.free_memory_mib, self.memory_mib_offered)
        self.free_gib: Amounts = _int64([_NO_ROOM_GIB, *(each.free_gib for each in datastores)])

    def _fill_facts(self) -> None:
        hosts = self.hosts
        views = [_view(host) for host in hosts]
        self.ready: Mask = np.array([_is_ready(host) for host in hosts], dtype=np.bool_)
        self.answers: Mask = np.array(
            [host.heard and not host.silent for host in hosts], dtype=np.bool_
        )
        self.usage: npt.NDArray[np.uint8] = np.array(
            [_usage_bits(view.usage_tags) for view in views], dtype=np.uint8
        )
        self.address: Objects = _objects([view.address for view in views])
        self.zone: Objects = _objects([view.zone_id for view in views])
        self.networks = _by_name((row, view.networks) for row, view in enumerate(views))
        self.images: dict[str, Mask] = {}
        for host in hosts:
            self.add_images(host, host.images)

    def add_images(self, host: HostBook, checksums: Iterable[str]) -> None:
        for checksum in checksums:
            holders = self.images.get(checksum)
            if holders is None:
                if len(self.images) >= IMAGES_KNOWN_MAX:
                    continue
                holders = self.images[checksum] = self.nobody.copy()
            holders[host.row] = True

    def drop_images(self, host: HostBook, checksums: Iterable[str]) -> None:
        for checksum in checksums:
            if checksum in self.images:
                self.images[checksum][host.row] = False


def usage_bit(usage: UsageTag) -> int:
    return 1 << _USAGE_ORDER.index(usage)


_USAGE_ORDER: Final = tuple(UsageTag)


def _usage_bits(tags: Iterable[UsageTag]) -> int:
    return sum(usage_bit(tag) for tag in tags)


def _is_ready(host: HostBook) -> bool:
    return _view(host).state is HostState.READY and host.mode is HostMode.NORMAL


def _view(host: HostBook) -> HostView:
    assert host.view is not None, "only hosts with a view are in the table"
    return host.view


def _by_name(named: Iterable[tuple[int, frozenset[str]]]) -> dict[str, Rows]:
    """For each name the rows that have it."""
    rows: dict[str, list[int]] = {}
    for row, names in named:
        for name in names:
            rows.setdefault(name, []).append(row)
    return {name: np.array(having, dtype=np.intp) for name, having in rows.items()}


def _int64(amounts: Sequence[int]) -> Amounts:
    return np.array(amounts, dtype=np.int64)


def _shares(offered: Amounts) -> Shares:
    """What one unit is of all that is offered; 0 where nothing is."""
    return np.array([1.0 / each if each > 0 else 0.0 for each in offered.tolist()], np.float64)


def _cost(known: dict[int, Shares], share: Shares, amount: int) -> Shares:
    cost = known.get(amount)
    if cost is None:
        if len(known) >= COSTS_MAX:
            known.clear()
        cost = known[amount] = share * amount
    return cost


def _left(free: Amounts, offered: Amounts) -> Shares:
    """Divided as `write_amounts` does, so that hosts that are equal stay so to the last bit."""
    left: Shares = free / np.maximum(offered, 1)
    return left


def _objects(facts: Sequence[Any]) -> Objects:
    column = np.empty(len(facts), dtype=np.object_)
    column[:] = facts
    return column
