"""Refusals, added up: which reason speaks for all, and what several leaves say together."""

from __future__ import annotations

import pytest

from photon.domain.demand import NoPlacement, Reason, ReasonCount
from photon.scheduler.misses import merged, nearest_miss


@pytest.mark.parametrize(
    "reasons, nearest",
    [
        ([], None),
        ([(Reason.NOT_READY, 2), (Reason.TOO_LITTLE_MEMORY, 7)], Reason.TOO_LITTLE_MEMORY),
        # A host that lacks room is nearer than any number that are elsewhere.
        ([(Reason.OTHER_ZONE, 9), (Reason.TOO_LITTLE_DISK, 1)], Reason.TOO_LITTLE_DISK),
        # Among those that lack room, the commonest lack speaks.
        ([(Reason.TOO_LITTLE_CPU, 5), (Reason.TOO_LITTLE_DISK, 1)], Reason.TOO_LITTLE_CPU),
        ([(Reason.TOO_LITTLE_CPU, 3), (Reason.TOO_LITTLE_MEMORY, 3)], Reason.TOO_LITTLE_MEMORY),
        # Among the rest, whoever passed more filters.
        ([(Reason.NOT_READY, 8), ("DISKS_APART", 1)], "DISKS_APART"),
    ],
)
def test_the_code_is_that_of_the_nearest_miss(
    reasons: list[tuple[str, int]], nearest: str | None
) -> None:
    counts = tuple(ReasonCount(reason, hosts) for reason, hosts in reasons)
    found = nearest_miss(NoPlacement(sum(count.hosts for count in counts), counts))
    assert (found and found.reason) == nearest


def test_refusals_of_several_leaves_are_added_up() -> None:
    a = NoPlacement(3, (ReasonCount(Reason.TOO_LITTLE_CPU, 3, 8, 2),))
    b = NoPlacement(
        6, (ReasonCount(Reason.OTHER_ZONE, 5), ReasonCount(Reason.TOO_LITTLE_CPU, 1, 8, 4))
    )
    assert merged([a, b]) == NoPlacement(
        9, (ReasonCount(Reason.OTHER_ZONE, 5), ReasonCount(Reason.TOO_LITTLE_CPU, 4, 8, 4))
    )
    assert merged([]) == NoPlacement(0, ())
