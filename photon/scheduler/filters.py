"""Why a host is not taken: one small pure function a reason, asked of all hosts at once.

To add one: a member in its place in photon.domain.demand.Reason, a function here, its line in
FIXED or AMOUNTS, its words in photon.scheduler.sentence, and its rows in the tests' table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import msgspec
import numpy as np

from photon.domain.affinity import AffinityKind
from photon.domain.demand import Demand, Reason, Wish
from photon.domain.host import UsageTag
from photon.domain.placement import labels_asked, needs_datastore
from photon.scheduler.ask import Ask
from photon.scheduler.books import DatastoreBook
from photon.scheduler.table import NO_DATASTORE, Amounts, HostTable, Mask, Rows, usage_bit


@dataclass(frozen=True, slots=True)
class FixedFilter:
    """Depends on `constraints(demand)` and on facts that seldom change, so its answer is kept."""

    reason: Reason
    passes: Callable[[HostTable, Demand], Mask]


@dataclass(frozen=True, slots=True)
class AmountFilter:
    """Passes where there is as much as is needed; nothing needed is found everywhere, since a host
    that holds more than it has can still do what costs it nothing."""

    reason: Reason
    needed: Callable[[Ask], int]
    free: Callable[[Ask], Amounts]  # by host
    free_at: Callable[[Ask, int], int]  # the same of one host, which is a hundred times cheaper
    unit: str = ""  # of an amount that says something to whoever asked

    def passes(self, ask: Ask) -> Mask:
        needed = self.needed(ask)
        if not needed:
            return ask.table.everyone
        return self.free(ask) >= needed

    def passes_at(self, ask: Ask, row: int) -> bool:
        needed = self.needed(ask)
        return not needed or self.free_at(ask, row) >= needed


class Constraints(msgspec.Struct, frozen=True, cache_hash=True):
    """See `constraints`. Its hash is made once, and looked up with on each level of a tree."""

    usage: UsageTag
    host_address: str | None
    zone_id: str | None
    networks: tuple[str, ...]
    datastores_reached: frozenset[str]
    datastore_id: str | None
    datastore_type: str | None
    tags: tuple[frozenset[str], ...]  # by disk


class _Latest:
    """The demand that was asked about last, and what it was: each level of a tree asks again."""

    demand: Demand | None = None
    constraints: Constraints | None = None


def constraints(demand: Demand) -> Constraints:
    """All of a demand that fixed filters and `datastores_for` read."""
    latest = _Latest.constraints
    if latest is None or _Latest.demand is not demand:
        latest = Constraints(
            demand.usage,
            demand.host_address,
            demand.zone_id,
            demand.networks,
            demand.datastores_reached,
            demand.datastore_id,
            demand.datastore_type,
            tuple([disk.datastore_tags for disk in demand.disks]),
        )
        _Latest.demand, _Latest.constraints = demand, latest
    return latest


def is_ready(hosts: HostTable, demand: Demand) -> Mask:
    return hosts.ready


def answers(hosts: HostTable, demand: Demand) -> Mask:
    return hosts.answers


def serves_usage(hosts: HostTable, demand: Demand) -> Mask:
    passing: Mask = (hosts.usage & usage_bit(demand.usage)) != 0
    return passing


def is_host_asked(hosts: HostTable, demand: Demand) -> Mask:
    if demand.host_address is None:
        return hosts.everyone
    return np.equal(hosts.address, demand.host_address).astype(np.bool_)


def is_in_zone(hosts: HostTable, demand: Demand) -> Mask:
    if demand.zone_id is None:
        return hosts.everyone
    return np.equal(hosts.zone, demand.zone_id).astype(np.bool_)


def has_networks(hosts: HostTable, demand: Demand) -> Mask:
    passing = hosts.everyone.copy()
    for network in demand.networks:
        having = hosts.nobody.copy()
        if network in hosts.networks:
            having[hosts.networks[network]] = True
        passing &= having
    return passing


def reaches_datastores(hosts: HostTable, demand: Demand) -> Mask:
    """Each of `datastores_reached`, and the one that was asked for by id."""
    wanted = set(demand.datastores_reached)
    if demand.datastore_id is not None:
        wanted.add(demand.datastore_id)
    passing = hosts.everyone.copy()
    for id in wanted:
        passing &= _reaches_any(hosts, partial(_is_one, id=id))
    return passing


def has_labels(hosts: HostTable, demand: Demand) -> Mask:
    """For each disk alone there is a datastore with its tags, of the type and id asked for."""
    if not needs_datastore(demand):
        return hosts.everyone
    passing = hosts.everyone.copy()
    for wanted in {labels_asked([disk]) for disk in demand.disks} or {frozenset()}:
        passing &= _reaches_any(hosts, partial(_suits, demand=demand, wanted=wanted))
    return passing


def has_labels_together(hosts: HostTable, demand: Demand) -> Mask:
    """For all disks there is one such datastore: a VM's disks are not put on different kinds."""
    if not needs_datastore(demand):
        return hosts.everyone
    wanted = labels_asked(demand.disks)
    return _reaches_any(hosts, partial(_suits, demand=demand, wanted=wanted))


def datastores_for(hosts: HostTable, demand: Demand) -> Rows | None:
    """By host, the rows of the datastores that suit all disks, then NO_DATASTORE; None when no
    datastore is needed. Where no host has two that suit, the array is flat, which is faster."""
    if not needs_datastore(demand):
        return None
    wanted = labels_asked(demand.disks)
    suiting = _suiting(hosts, partial(_suits, demand=demand, wanted=wanted))
    reach = np.where(suiting[hosts.reach], hosts.reach, NO_DATASTORE)
    gaps_last = np.argsort(reach == NO_DATASTORE, axis=1, kind="stable")
    reach = np.take_along_axis(reach, gaps_last, axis=1)
    width = int((reach != NO_DATASTORE).sum(axis=1).max(initial=0))
    if width > 1:
        return np.ascontiguousarray(reach[:, :width])
    return reach[:, 0].copy() if width else np.full(len(hosts), NO_DATASTORE, dtype=np.intp)


def meets(hosts: HostTable, wish: Wish) -> Mask:
    """The hosts that have what is wished for; a wish is a fixed filter that only scores."""
    wished = wish.id
    match wish.kind:
        case AffinityKind.HOST:
            return is_host_asked(hosts, Demand("", host_address=wished))
        case AffinityKind.AVAILABILITY_ZONE:
            return is_in_zone(hosts, Demand("", zone_id=wished))
        case AffinityKind.PORT_GROUP:
            return has_networks(hosts, Demand("", networks=(wished,)))
        case AffinityKind.DATASTORE:
            return _reaches_any(hosts, partial(_is_one, id=wished))
        case AffinityKind.DATASTORE_TYPE:
            return _reaches_any(hosts, partial(_is_labelled, label=wished.upper()))
        case AffinityKind.VM | AffinityKind.DISK:
            return hosts.everyone


def is_wished(datastore: DatastoreBook, wish: Wish) -> bool:
    """Where a host reaches several that suit, the one that is wished for is taken."""
    if wish.kind is AffinityKind.DATASTORE:
        return _is_one(datastore, wish.id)
    return wish.kind is AffinityKind.DATASTORE_TYPE and _is_labelled(datastore, wish.id.upper())


def companions_needed(ask: Ask) -> int:
    return 0 if ask.companions is None else 1


def companions(ask: Ask) -> Amounts:
    assert ask.companions is not None, "only asked where a rule needs them"
    return ask.companions


def companions_at(ask: Ask, row: int) -> int:
    return companions(ask).item(row)


def members_needed(ask: Ask) -> int:
    return 0 if ask.members_left is None else 1


def members_left(ask: Ask) -> Amounts:
    assert ask.members_left is not None, "only asked where a rule limits them"
    return ask.members_left


def members_left_at(ask: Ask, row: int) -> int:
    return members_left(ask).item(row)


def cpus_needed(ask: Ask) -> int:
    return ask.demand.cpus


def cpus_free(ask: Ask) -> Amounts:
    table = ask.table
    return table.free_cpus + table.cpus_kept if ask.demand.failover else table.free_cpus


def cpus_free_at(ask: Ask, row: int) -> int:
    kept = ask.table.cpus_kept.item(row) if ask.demand.failover else 0
    return ask.table.free_cpus.item(row) + kept


def memory_mib_needed(ask: Ask) -> int:
    return ask.demand.memory_mib


def memory_mib_free(ask: Ask) -> Amounts:
    table = ask.table
    if ask.demand.failover:
        return table.free_memory_mib + table.memory_mib_kept
    return table.free_memory_mib


def memory_mib_free_at(ask: Ask, row: int) -> int:
    kept = ask.table.memory_mib_kept.item(row) if ask.demand.failover else 0
    return ask.table.free_memory_mib.item(row) + kept


def gib_needed(ask: Ask) -> int:
    """On one datastore: a VM's disks lie together, unless no host at all has room for that."""
    return ask.gib


FIXED: Final = (
    FixedFilter(Reason.NOT_READY, is_ready),  # first: nothing that an operator took out is offered
    FixedFilter(Reason.MISSING, answers),  # before its facts: they are those of its last report
    FixedFilter(Reason.WRONG_USAGE, serves_usage),  # what a host is for, before what it has
    FixedFilter(Reason.OTHER_HOST, is_host_asked),  # then places, the narrowest first
    FixedFilter(Reason.OTHER_ZONE, is_in_zone),
    FixedFilter(Reason.NO_NETWORK, has_networks),  # then what it is connected to
    FixedFilter(Reason.NO_DATASTORE_REACH, reaches_datastores),
    FixedFilter(Reason.NO_DATASTORE_TAG, has_labels),  # of the datastores that it reaches
    FixedFilter(Reason.DISKS_APART, has_labels_together),  # once each disk alone has its place
)
# After all that cannot change by waiting or by freeing something.
ROOM: Final = (
    AmountFilter(Reason.TOO_LITTLE_CPU, cpus_needed, cpus_free, cpus_free_at, "vCPUs"),
    AmountFilter(
        Reason.TOO_LITTLE_MEMORY, memory_mib_needed, memory_mib_free, memory_mib_free_at, "MiB"
    ),
    # Last: it looks at two tables.
    AmountFilter(Reason.TOO_LITTLE_DISK, gib_needed, Ask.free_gib, Ask.free_gib_at, "GiB"),
)
# Rules before room: a host that may not take it is not near to fitting for having room.
AMOUNTS: Final = (
    AmountFilter(Reason.GROUP_ELSEWHERE, companions_needed, companions, companions_at),
    AmountFilter(Reason.GROUP_TOO_NEAR, members_needed, members_left, members_left_at),
    *ROOM,
)


def amounts_for(demand: Demand) -> tuple[AmountFilter, ...]:
    return AMOUNTS if demand.rules else ROOM


def _suits(datastore: DatastoreBook, demand: Demand, wanted: frozenset[str]) -> bool:
    return (
        wanted <= datastore.labels
        and demand.datastore_id in (None, datastore.id)
        and (demand.datastore_type is None or demand.datastore_type.upper() == datastore.type)
    )


def _is_one(datastore: DatastoreBook, id: str) -> bool:
    return datastore.id == id


def _is_labelled(datastore: DatastoreBook, label: str) -> bool:
    return label in datastore.labels


def _suiting(hosts: HostTable, suits: Callable[[DatastoreBook], bool]) -> Mask:
    """By the datastores' rows, the first being "none"."""
    return np.array([False, *map(suits, hosts.datastores)], dtype=np.bool_)


def _reaches_any(hosts: HostTable, suits: Callable[[DatastoreBook], bool]) -> Mask:
    passing: Mask = np.logical_or.reduce(_suiting(hosts, suits)[hosts.reach], axis=1)
    return passing
