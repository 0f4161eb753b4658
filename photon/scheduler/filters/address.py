"""Only the host that was asked for by its address."""

from __future__ import annotations

from typing import Final

import numpy as np

from photon.domain.demand import Demand, Reason
from photon.scheduler.errors import NoSuchResource
from photon.scheduler.filter_kinds import FixedFilter, Words
from photon.scheduler.table import HostTable, Mask


def is_host_asked(hosts: HostTable, demand: Demand) -> Mask:
    if demand.host_address is None:
        return hosts.everyone
    return np.equal(hosts.address, demand.host_address).astype(np.bool_)


FILTER: Final = FixedFilter(
    rank=60,  # places, the narrowest first
    reason=Reason.OTHER_HOST,
    words=Words(
        NoSuchResource,
        "is not host {host_address}",
        "are not host {host_address}",
        "name another, or add such a host",
        facts=lambda demand: {"host_address": demand.host_address or ""},
    ),
    reads=("host_address",),
    passes=is_host_asked,
)
