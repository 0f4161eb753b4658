"""Which hosts have VMs of which groups, and what a demand's rules make of that.

Guests carry no groups, so a host's report cannot tell them: a leaf knows a VM's groups from its
demand, or because the store's rows were told (`Told`), and keeps them as long as it holds the VM.

A limit for a host is exact, since one leaf has the host. Limits for zones, and "together", count
the members of all leaves that share `everywhere`, which is exact within a process; of the hosts of
other controllers they count those that the store has told, a moment after they came to be there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np

from photon.domain.demand import Affinity, Demand, GroupRule
from photon.scheduler.books import NO_ROW, HostBook
from photon.scheduler.table import Amounts, HostTable
from photon.scheduler.told import Told

_NO_LIMIT: Final = 2**40  # more members than there will ever be
_NOBODY: Final[Mapping[HostBook, int]] = {}


class Groups:
    def __init__(self) -> None:
        self.told = Told()  # of all leaves that share this
        self._members: dict[str, dict[HostBook, int]] = {}

    def keys(self) -> Iterable[str]:
        return self._members

    def of(self, key: str) -> Mapping[HostBook, int]:
        """How many members each host has that has any."""
        return self._members.get(key, _NOBODY)

    def add(self, key: str, host: HostBook) -> None:
        members = self._members.setdefault(key, {})
        members[host] = members.get(host, 0) + 1

    def drop(self, key: str, host: HostBook) -> None:
        members = self._members[key]
        members[host] -= 1
        if not members[host]:
            del members[host]
        if not members:
            del self._members[key]


class Neighbours:
    """The members on one leaf's hosts, and those on all hosts, kept in step."""

    def __init__(self, everywhere: Groups) -> None:
        self.here = Groups()
        self.everywhere = everywhere
        self.told = everywhere.told

    def both(self) -> tuple[Groups, Groups]:
        return self.here, self.everywhere

    def add(self, keys: frozenset[str], host: HostBook) -> None:
        for key in keys:  # any order: each is counted by itself
            self.here.add(key, host)
            self.everywhere.add(key, host)

    def drop(self, keys: frozenset[str], host: HostBook) -> None:
        for key in keys:  # any order: each is counted by itself
            self.here.drop(key, host)
            self.everywhere.drop(key, host)

    def members_left(self, table: HostTable, demand: Demand, *, hard: bool) -> Amounts | None:
        """By host, how many more members the rules "apart" allow; None when there are none."""
        rules = _rules(demand, Affinity.APART, hard=hard)
        if not rules:
            return None
        left: Amounts = np.full(len(table), _NO_LIMIT, dtype=np.int64)
        for rule in rules:
            if rule.host_max is not None:
                for host, count in self.here.of(rule.key).items():
                    if host.row != NO_ROW:
                        left[host.row] = min(left.item(host.row), rule.host_max - count)
            if rule.zone_max is not None:
                for zone_id, count in self._by_zone(rule.key).items():
                    there = np.equal(table.zone, zone_id).astype(np.bool_)
                    left[there] = np.minimum(left[there], rule.zone_max - count)
        return left

    def companions(self, table: HostTable, demand: Demand, *, hard: bool) -> Amounts | None:
        """By host, at least 1 where all groups are that the rules "together" name. A group without
        a member is at home everywhere: its first member may go anywhere."""
        rules = _rules(demand, Affinity.TOGETHER, hard=hard)
        if not rules:
            return None
        least: Amounts = np.full(len(table), _NO_LIMIT, dtype=np.int64)
        for rule in rules:
            if self.everywhere.of(rule.key) or self.told.away(rule.key):
                counts: Amounts = np.zeros(len(table), dtype=np.int64)
                for host, count in self.here.of(rule.key).items():
                    if host.row != NO_ROW:
                        counts[host.row] = count
                np.minimum(least, counts, out=least)
        return least

    def _by_zone(self, key: str) -> Counter[str]:
        zones = Counter[str]()
        for host, count in self.everywhere.of(key).items():
            if host.view is not None and host.view.zone_id is not None:
                zones[host.view.zone_id] += count
        for host_id in self.told.away(key):
            zone_id = self.told.zone_of(host_id)
            if zone_id is not None:
                zones[zone_id] += 1
        return zones


def _rules(demand: Demand, affinity: Affinity, *, hard: bool) -> list[GroupRule]:
    return [rule for rule in demand.rules if rule.affinity is affinity and rule.hard is hard]
