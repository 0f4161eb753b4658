"""A whole scheduler tree in one process, which divides its hosts by itself as they come.

For those who have no store and no chairman: benches, simulations, tests. It divides as the
chairman does (photon.scheduler.division), and whoever hears of hosts calls it as one leaf.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from random import Random

from photon.domain.guest import HostReport, Inventory
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.domain.topology import Traits
from photon.outside.clock import Clock
from photon.scheduler.books import Held
from photon.scheduler.division import Division
from photon.scheduler.policy import Policy
from photon.scheduler.shape import TreeShape
from photon.scheduler.treetop import TreeTop

__all__ = ["Tree", "TreeShape"]


class Tree:
    """`root` is what sagas are given; it stays the same however the tree grows."""

    def __init__(
        self,
        clock: Clock,
        random: Random,
        shape: TreeShape | None = None,
        policy: Policy | None = None,
    ) -> None:
        numbers = count(1)
        shape = shape or TreeShape()
        self._top = TreeTop(clock, random, shape, policy)
        self._division = Division(shape, lambda: f"leaf-{next(numbers)}")
        self.root = self._top.root

    def put_host(self, view: HostView) -> None:
        self._division.add(view.id, _traits_of(view))
        self._follow()
        self._top.put_host(view)

    def set_state(
        self,
        host_id: str,
        state: HostState,
        zone_id: str | None,
        usage_tags: frozenset[UsageTag],
    ) -> None:
        self._top.set_state(host_id, state, zone_id, usage_tags)

    def remove_host(self, host_id: str) -> None:
        self._division.remove(host_id)
        self._follow()

    def report(self, report: HostReport | Inventory) -> bool:
        return self._top.report(report)

    def missing(self, host_id: str) -> None:
        self._top.missing(host_id)

    def back(self, host_id: str) -> None:
        self._top.back(host_id)

    def held(self, host_id: str) -> dict[str, Held]:
        """By VM or disk, what is held of one host now. For audits: look, and do not touch."""
        return self._top.held(host_id)

    def audit(self) -> list[str]:
        """What is wrong with the books; nothing, or there is a bug."""
        return self._top.audit()

    def leaf_sizes(self) -> Sequence[int]:
        return [len(part.hosts) for part in self._division.leaves()]

    def _follow(self) -> None:
        changes = self._division.take_changes()
        gone = []
        for leaf_id in sorted(changes.leaves):
            if self._division.leaf(leaf_id) is None:
                gone.append(leaf_id)
            elif self._top.leaf(leaf_id) is None:
                self._top.build(leaf_id)
                self._top.open(leaf_id)
        for host_id in sorted(changes.hosts):
            seat = self._division.leaf_of(host_id)
            if seat is None:
                self._top.unseat(host_id)
            else:
                self._top.seat(host_id, seat)
        for leaf_id in gone:
            self._top.drop(leaf_id)


def _traits_of(view: HostView) -> Traits:
    """A view does not say which datastores are shared, so they divide nothing here."""
    return Traits(view.zone_id or "", "+".join(sorted(view.usage_tags)), "")
