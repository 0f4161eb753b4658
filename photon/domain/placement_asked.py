"""What a VM's owner asked of its placement, in the owner's words: names, not keys.

The scheduler knows groups by keys that begin with the project's id. So nobody can name, count or
avoid what belongs to another project, and a tag is as good a group as a name is.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from photon.domain.demand import Affinity, GroupRule, Strategy
from photon.domain.error_catalogue import InvalidEntity


class RuleAsked(msgspec.Struct, frozen=True, omit_defaults=True):
    """How to lie to the VMs of one group, or to those with one tag: one of the two is named."""

    affinity: Affinity
    group: str | None = None
    tag: str | None = None
    hard: bool = True
    host_max: int | None = None
    zone_max: int | None = None


class PlacementAsked(msgspec.Struct, frozen=True, omit_defaults=True):
    """`strategy` None: the project's."""

    strategy: Strategy | None = None
    groups: tuple[str, ...] = ()
    rules: tuple[RuleAsked, ...] = ()


def check_rules(rules: Iterable[RuleAsked]) -> None:
    """Raises InvalidEntity: a rule says too much, or too little."""
    for place, rule in enumerate(rules):
        where = f"placement.rules[{place}]"
        if (rule.group is None) is (rule.tag is None):
            raise InvalidEntity(problem=f"{where} must name a group or a tag, and not both")
        limited = rule.host_max is not None or rule.zone_max is not None
        if limited and rule.affinity is Affinity.TOGETHER:
            raise InvalidEntity(
                problem=f"{where} is TOGETHER; hostMax and zoneMax are for APART only"
            )


def group_keys(project_id: str, groups: Iterable[str], tags: Iterable[str]) -> frozenset[str]:
    """All that a VM is a member of."""
    return frozenset(
        [
            *(_group_key(project_id, group) for group in groups),
            *(_tag_key(project_id, tag) for tag in tags),
        ]
    )


def group_rules(project_id: str, rules: Iterable[RuleAsked]) -> tuple[GroupRule, ...]:
    return tuple([_rule(project_id, rule) for rule in rules])


def _rule(project_id: str, rule: RuleAsked) -> GroupRule:
    if rule.tag is not None:
        key = _tag_key(project_id, rule.tag)
    else:
        assert rule.group is not None, "check_rules has looked"
        key = _group_key(project_id, rule.group)
    host_max = rule.host_max
    if rule.affinity is Affinity.APART and rule.zone_max is None and host_max is None:
        host_max = 1  # "apart" alone is said of hosts
    return GroupRule(key, rule.affinity, rule.hard, host_max, rule.zone_max)


def _group_key(project_id: str, group: str) -> str:
    return f"{project_id}/group/{group}"


def _tag_key(project_id: str, tag: str) -> str:
    return f"{project_id}/tag/{tag}"
