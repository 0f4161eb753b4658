"""Refusals, added up: which reason speaks for them all, and the order in which they are told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from photon.domain.demand import NearMiss, NoPlacement, Reason, ReasonCount
from photon.scheduler.filter_order import BY_REASON, ROOM

# Which of these a host lacks first depends on the order of asking alone, so the commonest one
# speaks for them; before them, a host that passed more filters was nearer.
_AMOUNTS: Final = frozenset([each.reason for each in ROOM])


def nearest_miss(refusal: NoPlacement) -> ReasonCount | None:
    """The reason of the hosts that came nearest to fitting; None when there was no host at all.

    A host that lacks only room passed every other filter, so an amount goes before the rest; but
    before all of them go hosts that nobody could ask, since any of them may fit.
    """
    return max(refusal.reasons, key=_nearness, default=None)


def _nearness(count: ReasonCount) -> tuple[int, int, int]:
    if count.reason == Reason.NODE_SILENT:
        return 2, 0, 0
    if count.reason in _AMOUNTS:
        return 1, count.hosts, BY_REASON[count.reason].rank
    return 0, BY_REASON[count.reason].rank, 0


def merged(refusals: Iterable[NoPlacement]) -> NoPlacement:
    """One refusal that says what all of them say: hosts added up, the best of the best."""
    asked = 0
    nearest: NearMiss | None = None
    counts: dict[str, ReasonCount] = {}
    for refusal in refusals:
        asked += refusal.hosts_asked
        miss = refusal.nearest
        if miss is not None and (nearest is None or miss.distance < nearest.distance):
            nearest = miss
        for count in refusal.reasons:
            before = counts.get(count.reason)
            counts[count.reason] = count if before is None else _added(before, count)
    return NoPlacement(asked, most_frequent_first(counts.values()), nearest)


def most_frequent_first(counts: Iterable[ReasonCount]) -> tuple[ReasonCount, ...]:
    return tuple(sorted(counts, key=lambda count: (-count.hosts, BY_REASON[count.reason].rank)))


def _added(a: ReasonCount, b: ReasonCount) -> ReasonCount:
    needed = a.needed if a.needed is not None else b.needed
    bests = [best for best in (a.best, b.best) if best is not None]
    return ReasonCount(a.reason, a.hosts + b.hosts, needed, max(bests, default=None))
