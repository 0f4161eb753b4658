"""All filters, in the order in which they are asked, found by listing the package of them.

A file put into `photon/scheduler/filters/` is all that it takes: nothing else names its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from itertools import pairwise
from operator import attrgetter
from pkgutil import iter_modules
from types import ModuleType
from typing import Final

import msgspec

from photon.domain.demand import Demand
from photon.scheduler import filters
from photon.scheduler.filter_kinds import AmountFilter, Filter, FixedFilter


def find_filters(package: ModuleType) -> tuple[Filter, ...]:
    """FILTER of each module, by rank. TypeError or ValueError for what a developer has to mend."""
    found: list[Filter] = []
    for module in iter_modules(package.__path__, f"{package.__name__}."):
        each = getattr(import_module(module.name), "FILTER", None)
        if not isinstance(each, Filter):
            raise TypeError(f"{module.name} has no FILTER; define one, or move it elsewhere")
        found.append(each)
    found.sort(key=lambda each: each.rank)
    _check(found)
    return tuple(found)


def _check(found: list[Filter]) -> None:
    for what in ("rank", "reason"):
        seen = [getattr(each, what) for each in found]
        twice = [each for each in seen if seen.count(each) > 1]
        if twice:
            raise ValueError(f"two filters have the {what} {twice[0]}; give one of them another")
    stages = [(_stage(each), each) for each in found if _stage(each)]
    for (before, _), (stage, each) in pairwise(stages):
        if stage < before:
            raise ValueError(
                f"{each.reason} is asked before filters of a lower rank; rank facts first, "
                "then rules between VMs, then amounts"
            )


def _stage(each: Filter) -> int:
    if isinstance(each, FixedFilter):
        return 1
    return (2 if each.of_rules else 3) if isinstance(each, AmountFilter) else 0


ALL: Final = find_filters(filters)
FIXED: Final = tuple([each for each in ALL if isinstance(each, FixedFilter)])
# Rules before room: a host that may not take it is not near to fitting for having room.
AMOUNTS: Final = tuple([each for each in ALL if isinstance(each, AmountFilter)])
# After all that cannot change by waiting or by freeing something.
ROOM: Final = tuple([each for each in AMOUNTS if not each.of_rules])
BY_REASON: Final[Mapping[str, Filter]] = {each.reason: each for each in ALL}


def amounts_for(demand: Demand) -> tuple[AmountFilter, ...]:
    return AMOUNTS if demand.rules else ROOM


class Constraints(msgspec.Struct, frozen=True, cache_hash=True):
    """See `constraints`. Its hash is made once, and looked up with on each level of a tree."""

    read: tuple[object, ...]


class _Latest:
    """The demand that was asked about last, and what it was: each level of a tree asks again."""

    __slots__ = ("constraints", "demand")

    def __init__(self) -> None:
        self.demand: Demand | None = None
        self.constraints = Constraints(())


_latest: Final = _Latest()
_READ: Final = sorted({name for each in FIXED for name in each.reads})
_read: Final = attrgetter(*_READ)


def constraints(demand: Demand) -> Constraints:
    """All of a demand that fixed filters read, and with them `datastores_for` and summaries."""
    if _latest.demand is not demand:
        _latest.constraints = Constraints(_read(demand))
        _latest.demand = demand
    return _latest.constraints
