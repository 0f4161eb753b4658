"""Not a host whose agent does not answer."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Demand
from photon.scheduler.errors import NoSuchResource
from photon.scheduler.filter_kinds import FixedFilter, Words
from photon.scheduler.table import HostTable, Mask


def answers(hosts: HostTable, demand: Demand) -> Mask:
    return hosts.answers


FILTER: Final = FixedFilter(
    rank=30,  # before its facts: they are those of its last report
    reason="MISSING",
    words=Words(
        NoSuchResource,
        "does not answer",
        "do not answer",
        "check that the hosts' agents run, then try again",
    ),
    reads=(),
    passes=answers,
)
