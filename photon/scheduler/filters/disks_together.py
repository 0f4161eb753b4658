"""Only a host with one datastore that suits all disks."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Demand
from photon.domain.placement import labels_asked, needs_datastore
from photon.scheduler.errors import UnfullfillableDiskAffinities
from photon.scheduler.filter_kinds import FixedFilter, Words
from photon.scheduler.suiting import reaches_any, storage_in_words, suits
from photon.scheduler.table import HostTable, Mask


def has_labels_together(hosts: HostTable, demand: Demand) -> Mask:
    """For all disks there is one such datastore: a VM's disks are not put on different kinds."""
    if not needs_datastore(demand):
        return hosts.everyone
    return reaches_any(hosts, suits(demand, labels_asked(demand.disk_tags)))


FILTER: Final = FixedFilter(
    rank=110,  # once each disk alone has its place
    reason="DISKS_APART",
    words=Words(
        UnfullfillableDiskAffinities,
        "has no one datastore that suits all disks ({storage})",
        "have no one datastore that suits all disks ({storage})",
        "choose disk flavors whose storage tags one datastore has together",
        facts=storage_in_words,
    ),
    reads=("disk_tags", "datastore_id", "datastore_type"),
    passes=has_labels_together,
)
