"""How a new VM is to lie to others, as people write it: web:host=1:zone=2:soft, tag=blue:soft."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from photon.wire.v1.placement import PlacementRule, VmPlacementSpec

RULE_SYNTAX: Final = "[tag=]NAME[:host=N][:zone=N][:soft]"
_SOFT: Final = "soft"
_TAG: Final = "tag="


def placement_asked(
    strategy: str | None,
    groups: Sequence[str],
    apart: Iterable[str],
    together: Iterable[str],
) -> VmPlacementSpec | None:
    """None when nothing is asked, so that a controller that knows none of it does not mind."""
    from photon.domain.demand import Affinity, Strategy
    from photon.wire.v1.placement import VmPlacementSpec

    rules = [_rule(text, Affinity.APART) for text in apart]
    rules += [_rule(text, Affinity.TOGETHER) for text in together]
    if not (strategy or groups or rules):
        return None
    return VmPlacementSpec(
        Strategy(strategy.upper()) if strategy else None, [*groups] or None, rules or None
    )


def _rule(text: str, affinity: str) -> PlacementRule:
    from photon.domain.demand import Affinity
    from photon.wire.v1.placement import PlacementRule

    name, *words = text.split(":")
    limits: dict[str, int] = {}
    hard = True
    for word in words:
        what, equals, number = word.partition("=")
        if word == _SOFT:
            hard = False
        elif what in ("host", "zone") and equals and number.isdigit() and int(number) > 0:
            limits[what] = int(number)
        else:
            raise _misread(text)
    is_tag = name.startswith(_TAG)
    name = name.removeprefix(_TAG)
    if not name or (limits and affinity == Affinity.TOGETHER):
        raise _misread(text)
    return PlacementRule(
        Affinity(affinity),
        group=None if is_tag else name,
        tag=name if is_tag else None,
        hard=hard,
        host_max=limits.get("host"),
        zone_max=limits.get("zone"),
    )


def _misread(text: str) -> click.BadParameter:
    return click.BadParameter(
        f"{text!r} is no rule; write {RULE_SYNTAX}, such as web:host=2 or tag=blue:soft "
        "(limits are for --apart-from only)"
    )
