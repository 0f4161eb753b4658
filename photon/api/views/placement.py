"""How placements are shown, and what stood in their way."""

from __future__ import annotations

from photon.domain.demand import Level, NoPlacement
from photon.wire.v1.placement import (
    NearestHost,
    PlacementLack,
    PlacementLevel,
    PlacementReason,
    PlacementRefusal,
)


def level_view(level: Level) -> PlacementLevel:
    return PlacementLevel(
        chosen=level.chosen,
        seen=level.seen,
        fitting=level.fitting,
        asked=level.asked,
        score=level.score,
        parts=dict(level.parts),
    )


def refusal_view(refusal: NoPlacement) -> PlacementRefusal:
    miss = refusal.nearest
    nearest = None
    if miss is not None:
        lacks = [PlacementLack(lack.reason, lack.needed, lack.free) for lack in miss.lacks]
        nearest = NearestHost(miss.host_address, lacks)
    reasons = [
        PlacementReason(count.reason, count.hosts, count.needed, count.best)
        for count in refusal.reasons
    ]
    return PlacementRefusal(refusal.hosts_asked, reasons, nearest)
