"""Only a host of the zone that was asked for."""

from __future__ import annotations

from typing import Final

import numpy as np

from photon.domain.demand import Demand, Reason
from photon.scheduler.errors import NoSuchResource
from photon.scheduler.filter_kinds import FixedFilter, Words
from photon.scheduler.table import HostTable, Mask


def is_in_zone(hosts: HostTable, demand: Demand) -> Mask:
    if demand.zone_id is None:
        return hosts.everyone
    return np.equal(hosts.zone, demand.zone_id).astype(np.bool_)


FILTER: Final = FixedFilter(
    rank=70,
    reason=Reason.OTHER_ZONE,
    words=Words(
        NoSuchResource,
        "is not in zone {zone_id}",
        "are not in zone {zone_id}",
        "name another, or add such a host",
        facts=lambda demand: {"zone_id": demand.zone_id or ""},
    ),
    reads=("zone_id",),
    passes=is_in_zone,
)
