"""Which datastores suit a demand, asked of all datastores of a leaf at once."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from photon.domain.demand import Demand
from photon.domain.placement import labels_asked, needs_datastore
from photon.scheduler.books import DatastoreBook
from photon.scheduler.table import NO_DATASTORE, HostTable, Mask, Rows

Suits = Callable[[DatastoreBook], bool]


def datastores_for(hosts: HostTable, demand: Demand) -> Rows | None:
    """By host, the rows of the datastores that suit all disks, then NO_DATASTORE; None when no
    datastore is needed. Where no host has two that suit, the array is flat, which is faster."""
    if not needs_datastore(demand):
        return None
    suiting = _suiting(hosts, suits(demand, labels_asked(demand.disk_tags)))
    reach = np.where(suiting[hosts.reach], hosts.reach, NO_DATASTORE)
    gaps_last = np.argsort(reach == NO_DATASTORE, axis=1, kind="stable")
    reach = np.take_along_axis(reach, gaps_last, axis=1)
    width = int((reach != NO_DATASTORE).sum(axis=1).max(initial=0))
    if width > 1:
        return np.ascontiguousarray(reach[:, :width])
    return reach[:, 0].copy() if width else np.full(len(hosts), NO_DATASTORE, dtype=np.intp)


def reaches_any(hosts: HostTable, suits: Suits) -> Mask:
    """The hosts that reach at least one datastore that suits."""
    passing: Mask = np.logical_or.reduce(_suiting(hosts, suits)[hosts.reach], axis=1)
    return passing


def suits(demand: Demand, wanted: frozenset[str]) -> Suits:
    """With these labels, and of the id and the type that the demand asks for."""
    return partial(_suits, demand=demand, wanted=wanted)


def is_one(datastore: DatastoreBook, id: str) -> bool:
    return datastore.id == id


def is_labelled(datastore: DatastoreBook, label: str) -> bool:
    return label in datastore.labels


def storage_in_words(demand: Demand) -> dict[str, str]:
    """What is asked of a datastore, for a sentence: {storage}."""
    storage = [f"tag {label}" for label in sorted(labels_asked(demand.disk_tags))]
    if demand.datastore_type is not None:
        storage.append(f"type {demand.datastore_type}")
    if demand.datastore_id is not None:
        storage.append(f"id {demand.datastore_id}")
    return {"storage": ", ".join(storage) or "any tag"}


def _suits(datastore: DatastoreBook, demand: Demand, wanted: frozenset[str]) -> bool:
    return (
        wanted <= datastore.labels
        and demand.datastore_id in (None, datastore.id)
        and (demand.datastore_type is None or demand.datastore_type.upper() == datastore.type)
    )


def _suiting(hosts: HostTable, suits: Suits) -> Mask:
    """By the datastores' rows, the first being "none"."""
    return np.array([False, *map(suits, hosts.datastores)], dtype=np.bool_)
