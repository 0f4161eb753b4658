"""How many of one demand a leaf's hosts would take, one after the other, without holding any.

All are alike, so it is division, not placing: by host, how often each amount that it has free goes
into what is needed. Rules between VMs are not counted: who asks has none (`Leaf.fits`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from photon.domain.demand import Reason, ReasonCount
from photon.domain.fits import FITS_MAX, Fits, Reach, SharedRoom
from photon.domain.placement import share_disks
from photon.scheduler.ask import Ask
from photon.scheduler.books import DatastoreBook
from photon.scheduler.filter_order import FIXED, ROOM
from photon.scheduler.misses import most_frequent_first
from photon.scheduler.table import NO_DATASTORE, Amounts, Mask, Rows

# Types of datastores that one host alone reaches; any other may be reached from other processes.
_LOCAL: Final = "LOCAL"
# Disks that must lie apart are put to a host one VM after the other: some milliseconds a host.
APART_STEPS_MAX: Final = 1_000


def fits(ask: Ask) -> Fits:
    """Exact for a demand of one disk, or of several where each host has datastores of its own."""
    by_hosts, lacks = _by_amounts(ask)
    passing: Rows = ask.track.passing.nonzero()[0]
    reasons = _fixed_reasons(ask)
    if ask.track.datastores is None or not ask.gib:
        reasons += _amount_reasons(ask, passing, by_hosts, lacks)
        count = int(by_hosts[passing].sum())
        return Fits(len(ask.table), count, most_frequent_first(reasons))
    return _with_disks(ask, passing, by_hosts, lacks, reasons)


def _by_amounts(ask: Ask) -> tuple[Amounts, Rows]:
    """By host, how many its own room allows, and the place in ROOM of what it then lacks."""
    least: Amounts = np.full(len(ask.table), FITS_MAX, dtype=np.int64)
    lacks: Rows = np.full(len(ask.table), -1, dtype=np.intp)
    for place, amount in enumerate(ROOM):
        needed = amount.needed(ask)
        if needed and amount.reason != Reason.TOO_LITTLE_DISK:
            many = np.maximum(amount.free(ask), 0) // needed
            lacks[many < least] = place  # of equals the first, as a refusal names it
            least = np.minimum(least, many)
    return least, lacks


def _fixed_reasons(ask: Ask) -> list[ReasonCount]:
    fell = np.bincount(ask.track.fell_at, minlength=len(FIXED)).tolist()
    return [
        ReasonCount(fixed.reason, hosts) for fixed, hosts in zip(FIXED, fell, strict=False) if hosts
    ]


def _amount_reasons(ask: Ask, rows: Rows, taken: Amounts, lacks: Rows) -> list[ReasonCount]:
    """Of these hosts, each under what it lacks once it has taken so many."""
    reasons = []
    for place, amount in enumerate(ROOM):
        there = rows[lacks[rows] == place]
        if len(there):
            needed = amount.needed(ask)
            left = np.maximum(amount.free(ask)[there], 0) - taken[there] * needed
            reasons.append(ReasonCount(amount.reason, len(there), needed, int(left.max())))
    return reasons


# --- with disks ----------------------------------------------------------------------------------


def _with_disks(
    ask: Ask, passing: Rows, by_hosts: Amounts, lacks: Rows, reasons: list[ReasonCount]
) -> Fits:
    assert ask.track.datastores is not None, "a demand with disks needs a datastore"
    table = ask.table
    suiting = ask.track.datastores.reshape(len(table), -1)  # flat when no host has two
    shared = np.array([False, *(_is_shared(book) for book in table.datastores)], dtype=np.bool_)
    disk_place = next(n for n, each in enumerate(ROOM) if each.reason == Reason.TOO_LITTLE_DISK)
    own = _own_room(ask, passing, suiting, shared, by_hosts)
    taken = np.minimum(by_hosts, own)
    lacks = lacks.copy()
    lacks[own < by_hosts] = disk_place
    reach: Rows = np.where(shared[suiting], suiting, NO_DATASTORE)
    sharing: Mask = (reach != NO_DATASTORE).any(axis=1)
    alone, others = passing[~sharing[passing]], passing[sharing[passing]]
    reasons += _amount_reasons(ask, alone, taken, lacks)
    reaches = _reaches(ask, others, reach, by_hosts, taken)
    ids = {id for reach in reaches for id in reach.datastore_ids}
    # Where one datastore is shared, several disks are counted only where they lie together.
    apart = (suiting[others] != NO_DATASTORE).sum(axis=1) > 1
    exact = len(ask.demand.disks) < 2 or not apart.any()
    return Fits(
        len(table),
        int(taken[passing].sum()),
        most_frequent_first(reasons),
        tuple(reaches),
        tuple(_room(ask, book) for book in table.datastores if book.id in ids),
        exact,
    )


def _own_room(ask: Ask, passing: Rows, suiting: Rows, shared: Mask, by_hosts: Amounts) -> Amounts:
    """By host, how many have room on the datastores that it alone reaches."""
    private = np.where(shared[suiting], NO_DATASTORE, suiting)
    free_gib = np.maximum(ask.table.free_gib.take(private), 0)
    own: Amounts = (free_gib // ask.gib).sum(axis=1)
    if len(ask.demand.disks) > 1 and suiting.shape[1] > 1:
        for row in passing.tolist():
            rows = [each for each in private[row].tolist() if each != NO_DATASTORE]
            if len(rows) > 1:
                own[row] = _one_by_one(ask, rows, by_hosts.item(row))
    return own


def _one_by_one(ask: Ask, rows: Sequence[int], most: int) -> int:
    """Disks that lie apart leave less than division says, so they are put there in thought."""
    free_gib = {ask.table.datastores[row - 1].id: ask.table.free_gib.item(row) for row in rows}
    sizes = {disk.id: disk.capacity_gib for disk in ask.demand.disks}
    count = 0
    while count < min(most, APART_STEPS_MAX):
        disks = share_disks(ask.demand.disks, free_gib)
        if disks is None:
            break
        for disk in disks:
            free_gib[disk.datastore_id] -= sizes[disk.disk_id]
        count += 1
    return count


def _reaches(ask: Ask, rows: Rows, reach: Rows, by_hosts: Amounts, taken: Amounts) -> list[Reach]:
    """These hosts by the shared datastores that they reach, with what their own left them."""
    rows_of: dict[tuple[str, ...], list[int]] = {}
    datastores = ask.table.datastores
    for row in rows.tolist():
        there = [each for each in reach[row].tolist() if each != NO_DATASTORE]
        ids = tuple(sorted(datastores[each - 1].id for each in there))
        rows_of.setdefault(ids, []).append(row)
    lacks = _by_amounts(ask)[1]
    reaches = []
    for ids, members in rows_of.items():
        hosts = np.array(members, dtype=np.intp)
        left = int((by_hosts[hosts] - taken[hosts]).sum())
        reasons = tuple(_amount_reasons(ask, hosts, by_hosts, lacks))
        reaches.append(Reach(ids, len(hosts), left, reasons, mixed=bool(taken[hosts].any())))
    return reaches


def _room(ask: Ask, book: DatastoreBook) -> SharedRoom:
    free_gib = max(book.free_gib, 0)
    return SharedRoom(book.id, free_gib // ask.gib, ask.gib, free_gib)


def _is_shared(book: DatastoreBook) -> bool:
    return book.hosts > 1 or not book.type.startswith(_LOCAL)
