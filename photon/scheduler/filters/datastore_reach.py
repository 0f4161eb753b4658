"""Only a host that reaches the datastores that it must see."""

from __future__ import annotations

from functools import partial
from typing import Final

from photon.domain.demand import Demand, Reason
from photon.scheduler.errors import NoSuchResource
from photon.scheduler.filter_kinds import FixedFilter, Words
from photon.scheduler.suiting import is_one, reaches_any
from photon.scheduler.table import HostTable, Mask


def reaches_datastores(hosts: HostTable, demand: Demand) -> Mask:
    passing = hosts.everyone.copy()
    for id in _wanted(demand):  # any order: whoever passes passes all
        passing &= reaches_any(hosts, partial(is_one, id=id))
    return passing


def _wanted(demand: Demand) -> set[str]:
    """Each of `datastores_reached`, and the one that was asked for by id."""
    wanted = set(demand.datastores_reached)
    if demand.datastore_id is not None:
        wanted.add(demand.datastore_id)
    return wanted


FILTER: Final = FixedFilter(
    rank=90,
    reason=Reason.NO_DATASTORE_REACH,
    words=Words(
        NoSuchResource,
        "does not reach the datastores {datastores}",
        "do not reach the datastores {datastores}",
        "choose datastores that one host reaches, or leave the choice open",
        facts=lambda demand: {"datastores": ", ".join(sorted(_wanted(demand)))},
    ),
    reads=("datastores_reached", "datastore_id"),
    passes=reaches_datastores,
)
