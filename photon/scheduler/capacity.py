"""Adds up how many more fit below each node, and shares out the room that many hosts reach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

from photon.domain.demand import NoPlacement, Reason, ReasonCount
from photon.domain.fits import Capacity, Fits, Reach, SharedRoom
from photon.scheduler.misses import merged

# Sets of shared datastores that hosts reach: clusters of hosts, of which a cloud has tens.
REACHES_MAX: Final = 64


def added(parts: Iterable[Fits]) -> Fits:
    """What a branch says of its children."""
    every = list(parts)
    reaches: dict[tuple[str, ...], Reach] = {}
    for reach in (reach for part in every for reach in part.reaches):
        known = reaches.get(reach.datastore_ids)
        reaches[reach.datastore_ids] = reach if known is None else _joined(known, reach)
    rooms: dict[str, SharedRoom] = {}
    for room in (room for part in every for room in part.rooms):
        known_room = rooms.get(room.datastore_id)
        # Controllers may believe differently for a moment: the lesser is the surer.
        if known_room is None or room.count < known_room.count:
            rooms[room.datastore_id] = room
    fits = Fits(
        hosts_asked=sum(part.hosts_asked for part in every),
        count=sum(part.count for part in every),
        reasons=_all_reasons(part.reasons for part in every),
        reaches=tuple(reaches.values()),
        rooms=tuple(rooms.values()),
        exact=all(part.exact for part in every),
    )
    return fits if len(reaches) <= REACHES_MAX else _bounded(fits)


def capacity_of(fits: Fits) -> Capacity:
    """Shares out the room on shared datastores, so that as many as can be have some."""
    taken = _shared_out(fits.reaches, {room.datastore_id: room.count for room in fits.rooms})
    reasons = _all_reasons(
        (
            fits.reasons,
            *(
                _reasons_of(reach, count, fits.rooms)
                for reach, count in zip(fits.reaches, taken, strict=True)
            ),
        )
    )
    return Capacity(
        count=fits.count + sum(taken),
        refusal=NoPlacement(fits.hosts_asked, reasons),
        exact=fits.exact and _any_order_is_as_good(fits.reaches),
    )


def _reasons_of(reach: Reach, taken: int, rooms: Sequence[SharedRoom]) -> tuple[ReasonCount, ...]:
    if taken >= reach.by_hosts:
        return reach.reasons
    reached = [room for room in rooms if room.datastore_id in reach.datastore_ids]
    needed = max((room.needed_gib for room in reached), default=0)
    best = max((room.free_gib - room.count * room.needed_gib for room in reached), default=0)
    return (ReasonCount(Reason.TOO_LITTLE_DISK, reach.hosts, needed, max(best, 0)),)


def _shared_out(reaches: Sequence[Reach], rooms: dict[str, int]) -> list[int]:
    """The largest flow from hosts to datastores: what one reach was given it hands on when that
    helps another (augmenting paths; there are few of either)."""
    given: list[dict[str, int]] = [{} for _ in reaches]
    left = dict(rooms)
    for place, reach in enumerate(reaches):
        wanted = reach.by_hosts
        while wanted:
            path = _path(place, reaches, given, left)
            if path is None:
                break
            wanted -= _send(path, wanted, given, left)
    return [sum(each.values()) for each in given]


_Path = list[tuple[int, str]]  # a reach, and the datastore on which it takes room


def _path(
    start: int, reaches: Sequence[Reach], given: list[dict[str, int]], left: dict[str, int]
) -> _Path | None:
    """Breadth first, so that the paths are short and their number is bounded."""
    paths: list[_Path] = [[(start, id)] for id in reaches[start].datastore_ids]
    seen = set(reaches[start].datastore_ids)
    for path in paths:  # grows as it is walked
        id = path[-1][1]
        if left.get(id, 0) > 0:
            return path
        for other, taken in enumerate(given):
            if taken.get(id, 0) > 0:
                for next_id in reaches[other].datastore_ids:
                    if next_id not in seen:
                        seen.add(next_id)
                        paths.append([*path, (other, next_id)])
    return None


def _send(path: _Path, wanted: int, given: list[dict[str, int]], left: dict[str, int]) -> int:
    """Each reach on the way moves from the datastore before to the one after."""
    moved = [given[reach].get(before, 0) for (_, before), (reach, _) in pairwise(path)]
    amount = min(wanted, left[path[-1][1]], *moved)
    left[path[-1][1]] -= amount
    for place, (reach, id) in enumerate(path):
        given[reach][id] = given[reach].get(id, 0) + amount
        if place:
            given[reach][path[place - 1][1]] -= amount
    return amount


def _any_order_is_as_good(reaches: Sequence[Reach]) -> bool:
    """No datastore is in two of them, and no host could spare the others what they share."""
    ids = [id for reach in reaches for id in reach.datastore_ids]
    return len(ids) == len(set(ids)) and not any(
        reach.mixed and reach.hosts > 1 for reach in reaches
    )


def _bounded(fits: Fits) -> Fits:
    """The reaches of the fewest hosts are counted as if nobody else reached their datastores."""
    rooms = {room.datastore_id: room for room in fits.rooms}
    by_size = sorted(fits.reaches, key=lambda reach: (-reach.hosts, reach.datastore_ids))
    kept, folded = by_size[:REACHES_MAX], by_size[REACHES_MAX:]
    count, reasons = fits.count, [fits.reasons]
    for reach in folded:
        there = [rooms[id] for id in reach.datastore_ids]
        taken = min(reach.by_hosts, sum(room.count for room in there))
        count += taken
        reasons.append(_reasons_of(reach, taken, there))
    kept_ids = {id for reach in kept for id in reach.datastore_ids}
    return Fits(
        fits.hosts_asked,
        count,
        _all_reasons(reasons),
        tuple(kept),
        tuple(room for room in fits.rooms if room.datastore_id in kept_ids),
        exact=False,
    )


def _joined(a: Reach, b: Reach) -> Reach:
    return Reach(
        a.datastore_ids,
        a.hosts + b.hosts,
        a.by_hosts + b.by_hosts,
        _all_reasons((a.reasons, b.reasons)),
        a.mixed or b.mixed,
    )


def _all_reasons(parts: Iterable[tuple[ReasonCount, ...]]) -> tuple[ReasonCount, ...]:
    return merged(NoPlacement(0, part) for part in parts).reasons
