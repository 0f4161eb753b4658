"""What a parent knows of a child: enough to choose among children, never enough to choose a host.

All amounts are upper bounds of what one placement finds, and all sets err towards "perhaps": a
child that a summary rules out cannot have had room when the summary was made. A summary has the
same size for a leaf and for a branch over a hundred thousand hosts.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import reduce
from operator import or_
from typing import Final

import msgspec

from photon.domain.affinity import AffinityKind
from photon.domain.demand import Demand, NoPlacement, Reason, ReasonCount, Wish
from photon.domain.host import UsageTag
from photon.domain.placement import labels_asked
from photon.scheduler.misses import merged
from photon.scheduler.names import Names, Sieve, names_of, names_of_all, sieve_of, sieve_of_all
from photon.scheduler.table import HostTable


class Facts(msgspec.Struct, frozen=True):
    """What seldom changes. Of the hosts that could take something, but for the sieves, which are
    of all: those cost most to make, and a host's silence changes none of its names."""

    usage: frozenset[UsageTag] = frozenset()
    zones: Names = Names()
    networks: Names = Names()
    labels: Names = Names()  # of any of its datastores, types among them
    addresses: Sieve = Sieve()
    datastores: Sieve = Sieve()


class Summary(msgspec.Struct, frozen=True):
    """Amounts are of the hosts that could take something; `hosts` are all."""

    generation: Hashable = 0  # another one: something changed since
    hosts: int = 0
    hosts_silent: int = 0  # of these nothing is known now: their node does not answer
    hosts_ready: int = 0
    free_cpus: int = 0
    cpus_offered: int = 0
    free_memory_mib: int = 0
    memory_mib_offered: int = 0
    free_gib: int = 0  # each datastore once a leaf
    gib_offered: int = 0
    largest_cpus: int = 0  # on one host
    largest_memory_mib: int = 0  # on one host
    largest_gib: int = 0  # on one datastore
    kept_cpus: int = 0  # for failover, on the host that keeps most; the largest are without it
    kept_memory_mib: int = 0
    facts: Facts = Facts()


def sieves_of(table: HostTable) -> tuple[Sieve, Sieve]:
    """Of addresses and of datastores."""
    views = [host.view for host in table.hosts if host.view is not None]
    return (
        sieve_of(view.address for view in views),
        sieve_of(datastore.id for datastore in table.datastores),
    )


def facts_of(table: HostTable, sieves: tuple[Sieve, Sieve]) -> Facts:
    able = table.ready & table.answers
    hosts = [table.hosts[row] for row in able.nonzero()[0].tolist()]
    views = [host.view for host in hosts if host.view is not None]
    labels = {datastore.labels for host in hosts for datastore in host.datastores}
    return Facts(
        usage=frozenset(tag for view in views for tag in view.usage_tags),
        zones=names_of(view.zone_id for view in views if view.zone_id is not None),
        networks=names_of(network for view in views for network in view.networks),
        labels=names_of(label for each in labels for label in each),  # any order: sorted there
        addresses=sieves[0],
        datastores=sieves[1],
    )


def summarise(table: HostTable, facts: Facts, generation: Hashable) -> Summary:
    able = table.ready & table.answers
    free_cpus, free_memory_mib = table.free_cpus[able], table.free_memory_mib[able]
    return Summary(
        generation=generation,
        hosts=len(table),
        hosts_ready=len(free_cpus),
        free_cpus=int(free_cpus.sum()),
        cpus_offered=int(table.cpus_offered[able].sum()),
        free_memory_mib=int(free_memory_mib.sum()),
        memory_mib_offered=int(table.memory_mib_offered[able].sum()),
        free_gib=int(table.free_gib[1:].sum()),
        gib_offered=int(table.gib_offered[1:].sum()),
        largest_cpus=int(free_cpus.max(initial=0)),
        largest_memory_mib=int(free_memory_mib.max(initial=0)),
        largest_gib=int(table.free_gib.max(initial=0)),
        kept_cpus=int(table.cpus_kept.max(initial=0)),
        kept_memory_mib=int(table.memory_mib_kept.max(initial=0)),
        facts=facts,
    )


def facts_of_all(parts: Sequence[Facts]) -> Facts:
    return Facts(
        usage=reduce(or_, (part.usage for part in parts), frozenset()),
        zones=names_of_all(part.zones for part in parts),
        networks=names_of_all(part.networks for part in parts),
        labels=names_of_all(part.labels for part in parts),
        addresses=sieve_of_all(part.addresses for part in parts),
        datastores=sieve_of_all(part.datastores for part in parts),
    )


def summary_of_all(parts: Sequence[Summary], facts: Facts, generation: Hashable) -> Summary:
    return Summary(
        generation=generation,
        hosts=sum(part.hosts for part in parts),
        hosts_silent=sum(part.hosts_silent for part in parts),
        hosts_ready=sum(part.hosts_ready for part in parts),
        free_cpus=sum(part.free_cpus for part in parts),
        cpus_offered=sum(part.cpus_offered for part in parts),
        free_memory_mib=sum(part.free_memory_mib for part in parts),
        memory_mib_offered=sum(part.memory_mib_offered for part in parts),
        free_gib=sum(part.free_gib for part in parts),
        gib_offered=sum(part.gib_offered for part in parts),
        largest_cpus=max((part.largest_cpus for part in parts), default=0),
        largest_memory_mib=max((part.largest_memory_mib for part in parts), default=0),
        largest_gib=max((part.largest_gib for part in parts), default=0),
        kept_cpus=max((part.kept_cpus for part in parts), default=0),
        kept_memory_mib=max((part.kept_memory_mib for part in parts), default=0),
        facts=facts,
    )


NO_ROOM: Final = -1  # not even for a demand that needs nothing
NOBODY: Final = NoPlacement(0, ())  # there is no host


def silenced(last: Summary, hosts: int, generation: Hashable) -> Summary:
    """In place of `last`, while its node does not answer. What it is remains known, since that
    seldom changes; what it has does not. `hosts`: as many as it should have, if it never told."""
    hosts = last.hosts or hosts
    return Summary(
        generation=generation,
        hosts=hosts,
        hosts_silent=hosts,
        hosts_ready=last.hosts_ready,
        largest_cpus=NO_ROOM,
        largest_memory_mib=NO_ROOM,
        largest_gib=NO_ROOM,
        facts=last.facts,
    )


def silence(hosts: int) -> NoPlacement:
    """What a node that does not answer is taken to say."""
    return NoPlacement(hosts, (ReasonCount(Reason.NODE_SILENT, hosts),)) if hosts else NOBODY


def ruled_out(summary: Summary, demand: Demand) -> NoPlacement | None:
    """Why none of the child's hosts can take it, if the summary shows that: one reason for all of
    them, but for those of silent nodes where it is what may have changed."""
    fact = missing_fact(summary.facts, demand) if summary.hosts_ready else None
    if fact is not None:
        return NoPlacement(summary.hosts, (ReasonCount(fact, summary.hosts),))
    heard = summary.hosts - summary.hosts_silent
    if summary.hosts_ready:
        miss = missing_amount(summary, demand)
    else:
        miss = ReasonCount(Reason.NOT_READY, summary.hosts)
    if miss is None:
        return None
    told = NoPlacement(heard, (msgspec.structs.replace(miss, hosts=heard),)) if heard else NOBODY
    return merged((told, silence(summary.hosts_silent))) if summary.hosts_silent else told


def missing_fact(facts: Facts, demand: Demand) -> Reason | None:
    """Reads no more of a demand than `photon.scheduler.filter_order.constraints` gives."""
    reached = set(demand.datastores_reached)
    if demand.datastore_id is not None:
        reached.add(demand.datastore_id)
    zone_id, address = demand.zone_id, demand.host_address
    if demand.usage not in facts.usage:
        return Reason.WRONG_USAGE
    if address is not None and not facts.addresses.may_have(address):
        return Reason.OTHER_HOST
    if zone_id is not None and not facts.zones.may_have(zone_id):
        return Reason.OTHER_ZONE
    if not facts.networks.may_have_all(demand.networks):
        return Reason.NO_NETWORK
    if not all(facts.datastores.may_have(each) for each in reached):
        return Reason.NO_DATASTORE_REACH
    if not facts.labels.may_have_all(labels_asked(demand.disk_tags)):
        return Reason.NO_DATASTORE_TAG
    return None


def wishes_unmet(facts: Facts, demand: Demand) -> int:
    """How many of its wishes no host there can meet."""
    return sum(not _may_meet(facts, wish) for wish in demand.wishes)


def _may_meet(facts: Facts, wish: Wish) -> bool:
    match wish.kind:
        case AffinityKind.HOST:
            return facts.addresses.may_have(wish.id)
        case AffinityKind.AVAILABILITY_ZONE:
            return facts.zones.may_have(wish.id)
        case AffinityKind.PORT_GROUP:
            return facts.networks.may_have(wish.id)
        case AffinityKind.DATASTORE:
            return facts.datastores.may_have(wish.id)
        case AffinityKind.DATASTORE_TYPE:
            return facts.labels.may_have(wish.id.upper())
        case AffinityKind.VM | AffinityKind.DISK:
            return True  # no fact of hosts


def missing_amount(summary: Summary, demand: Demand) -> ReasonCount | None:
    largest_gib = max((disk.capacity_gib for disk in demand.disks), default=0)
    largest_cpus, largest_memory_mib = summary.largest_cpus, summary.largest_memory_mib
    if demand.failover:
        largest_cpus += summary.kept_cpus
        largest_memory_mib += summary.kept_memory_mib
    amounts = (
        (Reason.TOO_LITTLE_CPU, demand.cpus, largest_cpus),
        (Reason.TOO_LITTLE_MEMORY, demand.memory_mib, largest_memory_mib),
        (Reason.TOO_LITTLE_DISK, largest_gib, summary.largest_gib),
    )
    for reason, needed, best in amounts:
        if needed > best:
            return ReasonCount(reason, summary.hosts, needed, best)
    return None
