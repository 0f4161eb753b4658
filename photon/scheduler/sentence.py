"""Makes of "nothing fits" the error that its owner sees: which code, and which words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from photon.domain.demand import Demand, Lack, NearMiss, NoPlacement, Reason, ReasonCount
from photon.domain.placement import labels_asked, nearest_miss
from photon.scheduler.errors import (
    NodesSilent,
    NoSuchResource,
    NotEnoughCpuResource,
    NotEnoughDatastoreCapacity,
    NotEnoughMemoryResource,
    NothingFits,
    UnfullfillableAffinities,
    UnfullfillableDiskAffinities,
)


@dataclass(frozen=True, slots=True)
class Words:
    """`one` and `many` follow a number of hosts; `next_step` ends the sentence."""

    error: type[NothingFits]
    one: str
    many: str
    next_step: str
    unit: str = ""


_READY: Final = "exit maintenance or resume a host, or add one"
_SAME: Final = "name another, or add such a host"

WORDS: Final[Mapping[Reason, Words]] = {
    Reason.EXCLUDED: Words(
        NoSuchResource, "refused it just now", "refused it just now", "try again later"
    ),
    Reason.NOT_READY: Words(
        NoSuchResource,
        "is in maintenance, suspended or not provisioned",
        "are in maintenance, suspended or not provisioned",
        _READY,
    ),
    Reason.MISSING: Words(
        NoSuchResource,
        "does not answer",
        "do not answer",
        "check that the hosts' agents run, then try again",
    ),
    Reason.NODE_SILENT: Words(
        NodesSilent,
        "could not be asked since its scheduler node does not answer",
        "could not be asked since their scheduler nodes do not answer",
        "try again in a minute, and check that all controllers run",
    ),
    Reason.WRONG_USAGE: Words(
        NoSuchResource, "is not a {usage} host", "are not {usage} hosts", "add a {usage} host"
    ),
    Reason.OTHER_HOST: Words(
        NoSuchResource, "is not host {host_address}", "are not host {host_address}", _SAME
    ),
    Reason.OTHER_ZONE: Words(
        NoSuchResource, "is not in zone {zone_id}", "are not in zone {zone_id}", _SAME
    ),
    Reason.NO_NETWORK: Words(
        NoSuchResource,
        "lacks one of the networks {networks}",
        "lack one of the networks {networks}",
        "choose subnets that hosts have in common",
    ),
    Reason.NO_DATASTORE_REACH: Words(
        NoSuchResource,
        "does not reach the datastores {datastores}",
        "do not reach the datastores {datastores}",
        "choose datastores that one host reaches, or leave the choice open",
    ),
    Reason.NO_DATASTORE_TAG: Words(
        UnfullfillableAffinities,
        "has no datastore with {storage}",
        "have no datastore with {storage}",
        "choose a disk flavor whose storage tags a datastore has",
    ),
    Reason.DISKS_APART: Words(
        UnfullfillableDiskAffinities,
        "has no one datastore that suits all disks ({storage})",
        "have no one datastore that suits all disks ({storage})",
        "choose disk flavors whose storage tags one datastore has together",
    ),
    Reason.GROUP_ELSEWHERE: Words(
        UnfullfillableAffinities,
        "has no VM of the groups that it must be with",
        "have no VM of the groups that it must be with",
        "make room on the hosts of those VMs, or let it lie apart from them",
    ),
    Reason.GROUP_TOO_NEAR: Words(
        UnfullfillableAffinities,
        "has as many VMs of its group as may be on one host or in one zone",
        "have as many VMs of its group as may be on one host or in one zone",
        "allow more of the group on a host, or add hosts",
    ),
    Reason.TOO_LITTLE_CPU: Words(
        NotEnoughCpuResource,
        "lacks CPU",
        "lack CPU",
        "choose a smaller flavor, delete VMs or add hosts",
        "vCPUs",
    ),
    Reason.TOO_LITTLE_MEMORY: Words(
        NotEnoughMemoryResource,
        "lacks memory",
        "lack memory",
        "choose a smaller flavor, delete VMs or add hosts",
        "MiB",
    ),
    Reason.TOO_LITTLE_DISK: Words(
        NotEnoughDatastoreCapacity,
        "lacks room for disks",
        "lack room for disks",
        "choose smaller disks, delete some or add a datastore",
        "GiB",
    ),
}

_NO_HOSTS: Final = "there is no host in the cloud; add one, then try again"


def error_of(demand: Demand, refusal: NoPlacement) -> NothingFits:
    """Its code is that of the hosts that came nearest to fitting (`nearest_miss`)."""
    nearest = nearest_miss(refusal)
    if nearest is None:
        return NoSuchResource(_NO_HOSTS, refusal)
    facts = _facts(demand)
    hosts = "1 host" if refusal.hosts_asked == 1 else f"{refusal.hosts_asked} hosts"
    clauses = ", ".join(_clause(count, facts) for count in refusal.reasons)
    next_step = WORDS[nearest.reason].next_step.format_map(facts)
    miss = _miss(refusal.nearest, facts)
    return WORDS[nearest.reason].error(f"{hosts} asked: {clauses};{miss} {next_step}", refusal)


def _miss(nearest: NearMiss | None, facts: Mapping[str, str]) -> str:
    """Such as: host 10.0.0.7 came nearest, it lacks memory (needed 4096 MiB, free 2048);"""
    if nearest is None or not nearest.lacks:
        return ""
    lacks = " and ".join(_lack(lack).format_map(facts) for lack in nearest.lacks)
    return f" host {nearest.host_address} came nearest, it {lacks};"


def _lack(lack: Lack) -> str:
    words = WORDS[lack.reason]
    if lack.needed is None:
        return words.one
    return f"{words.one} (needed {lack.needed} {words.unit}, free {lack.free})"


def _clause(count: ReasonCount, facts: Mapping[str, str]) -> str:
    """Such as: 7 lack memory (needed 4096 MiB, largest free 2048)."""
    words = WORDS[count.reason]
    clause = f"{count.hosts} {words.one if count.hosts == 1 else words.many}".format_map(facts)
    if count.needed is None:
        return clause
    best = "" if count.best is None else f", largest free {count.best}"
    return f"{clause} (needed {count.needed} {words.unit}{best})"


def _facts(demand: Demand) -> dict[str, str]:
    datastores = set(demand.datastores_reached)
    if demand.datastore_id is not None:
        datastores.add(demand.datastore_id)
    storage = [f"tag {label}" for label in sorted(labels_asked(demand.disks))]
    if demand.datastore_type is not None:
        storage.append(f"type {demand.datastore_type}")
    if demand.datastore_id is not None:
        storage.append(f"id {demand.datastore_id}")
    return {
        "usage": demand.usage,
        "host_address": demand.host_address or "",
        "zone_id": demand.zone_id or "",
        "networks": ", ".join(demand.networks),
        "datastores": ", ".join(sorted(datastores)),
        "storage": ", ".join(storage) or "any tag",
    }
