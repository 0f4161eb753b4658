"""Only a host with a datastore with the tags, or of the type, that are asked for."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Demand, Reason
from photon.domain.placement import labels_asked, needs_datastore
from photon.scheduler.errors import UnfullfillableAffinities
from photon.scheduler.filter_kinds import FixedFilter, Words
from photon.scheduler.suiting import reaches_any, storage_in_words, suits
from photon.scheduler.table import HostTable, Mask


def has_labels(hosts: HostTable, demand: Demand) -> Mask:
    """For each disk alone there is a datastore with its tags, of the type and id asked for."""
    if not needs_datastore(demand):
        return hosts.everyone
    passing = hosts.everyone.copy()
    for wanted in {labels_asked([tags]) for tags in demand.disk_tags} or {frozenset[str]()}:
        passing &= reaches_any(hosts, suits(demand, wanted))
    return passing


FILTER: Final = FixedFilter(
    rank=100,  # of the datastores that it reaches
    reason=Reason.NO_DATASTORE_TAG,
    words=Words(
        UnfullfillableAffinities,
        "has no datastore with {storage}",
        "have no datastore with {storage}",
        "choose a disk flavor whose storage tags a datastore has",
        facts=storage_in_words,
    ),
    reads=("disk_tags", "datastore_id", "datastore_type"),
    passes=has_labels,
)
