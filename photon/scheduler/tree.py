"""A whole scheduler tree in one process: divides hosts into leaves, and leaves into branches.

Whoever hears of hosts calls it as it would call one leaf. No host ever moves: a new one goes to the
leaf with the fewest, a full tree gets another leaf, and a leaf that is empty is taken out. So the
tree may be of uneven sizes, which costs nothing: nodes compare shares, not amounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from photon.domain.guest import HostReport, Inventory
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.outside.clock import Clock
from photon.scheduler.audit import audit
from photon.scheduler.books import Held
from photon.scheduler.branch import Branch
from photon.scheduler.datastores import Datastores
from photon.scheduler.groups import Groups
from photon.scheduler.leaf import Leaf
from photon.scheduler.policy import Policy
from photon.scheduler.root import Root

# A leaf looks at all its hosts for each demand. Up to this many, that costs about as much as all
# else that a placement does; with fewer, summaries and steps down cost more than is saved.
LEAF_HOSTS_MAX: Final = 256
# A branch looks at two children for each demand, and at all of them once a second: that costs less
# than another level. So most clouds are a root over leaves: 64 x 256 hosts.
FAN_OUT_MAX: Final = 64


@dataclass(frozen=True, slots=True)
class TreeShape:
    leaf_hosts_max: int = LEAF_HOSTS_MAX
    fan_out_max: int = FAN_OUT_MAX

    def __post_init__(self) -> None:
        assert self.leaf_hosts_max >= 1, "a leaf has room for a host"
        assert self.fan_out_max >= 2, "a branch divides"


class Tree:
    """`root` is what sagas are given; it stays the same however the tree grows."""

    def __init__(
        self,
        clock: Clock,
        random: Random,
        shape: TreeShape | None = None,
        policy: Policy | None = None,
    ) -> None:
        self._clock = clock
        self._random = random
        self._shape = shape or TreeShape()
        self._policy = policy or Policy()
        self._datastores = Datastores()
        self._groups = Groups()
        self._sizes: dict[Leaf, int] = {}
        self._leaf_of: dict[str, Leaf] = {}
        self._named = 0
        self._height = 1  # of the root; a branch over leaves has 1
        first = self._new_leaf()
        self.root = Root([first], random, clock)

    # --- its hosts, as a leaf has them -----------------------------------------------------------

    def put_host(self, view: HostView) -> None:
        leaf = self._leaf_of.get(view.id)
        if leaf is None:
            leaf = self._leaf_of[view.id] = self._leaf_for(view.id)
            self._sizes[leaf] += 1
        leaf.put_host(view)

    def set_state(
        self,
        host_id: str,
        state: HostState,
        zone_id: str | None,
        usage_tags: frozenset[UsageTag],
    ) -> None:
        leaf = self._leaf_of.get(host_id)
        if leaf is not None:
            leaf.set_state(host_id, state, zone_id, usage_tags)

    def remove_host(self, host_id: str) -> None:
        leaf = self._leaf_of.pop(host_id, None)
        if leaf is None:
            return
        leaf.remove_host(host_id)
        self._sizes[leaf] -= 1
        if len(self._sizes) > 1 and leaf.is_empty():
            del self._sizes[leaf]
            _take_out(self.root.branch, leaf)

    def report(self, report: HostReport | Inventory) -> bool:
        leaf = self._leaf_of.get(report.host_id)
        return leaf is not None and leaf.report(report)

    def missing(self, host_id: str) -> None:
        leaf = self._leaf_of.get(host_id)
        if leaf is not None:
            leaf.missing(host_id)

    def back(self, host_id: str) -> None:
        leaf = self._leaf_of.get(host_id)
        if leaf is not None:
            leaf.back(host_id)

    def held(self, host_id: str) -> dict[str, Held]:
        """By VM or disk, what is held of one host now. For audits: look, and do not touch."""
        leaf = self._leaf_of.get(host_id)
        return {} if leaf is None else leaf.held(host_id)

    def audit(self) -> list[str]:
        """What is wrong with the books; nothing, or there is a bug."""
        return audit([leaf.ledger for leaf in self._sizes])

    def leaf_sizes(self) -> Sequence[int]:
        return list(self._sizes.values())

    # --- its shape -------------------------------------------------------------------------------

    def _leaf_for(self, host_id: str) -> Leaf:
        """Where a journal's holds wait for it already, or else where the fewest hosts are."""
        for leaf in self._sizes:
            if leaf.owns(host_id):
                return leaf
        fewest = min(self._sizes, key=lambda leaf: self._sizes[leaf])
        if self._sizes[fewest] < self._shape.leaf_hosts_max:
            return fewest
        leaf = self._new_leaf()
        self._put_in(leaf)
        return leaf

    def _new_leaf(self) -> Leaf:
        leaf = Leaf(self._clock, self._policy, self._datastores, self._groups)
        self._sizes[leaf] = 0
        return leaf

    def _put_in(self, leaf: Leaf) -> None:
        top = self.root.branch
        if not self._put_under(top, self._height, leaf):
            top.deepen(self._name("branch"))
            self._height += 1
            assert self._put_under(top, self._height, leaf), "a deeper tree has room"

    def _put_under(self, branch: Branch, height: int, leaf: Leaf) -> bool:
        if height == 1:
            if len(branch) >= self._shape.fan_out_max:
                return False
            branch.add(leaf, self._name("leaf"))
            return True
        for child in branch.children():
            assert isinstance(child, Branch), "leaves are at the bottom alone"
            if self._put_under(child, height - 1, leaf):
                return True
        if len(branch) >= self._shape.fan_out_max:
            return False
        below = Branch(self._random, self._clock, self._policy)
        branch.add(below, self._name("branch"))
        return self._put_under(below, height - 1, leaf)

    def _name(self, kind: str) -> str:
        self._named += 1
        return f"{kind}-{self._named}"


def _take_out(branch: Branch, leaf: Leaf) -> bool:
    """The leaf, and each branch that is empty without it."""
    for child in branch.children():
        if child is leaf:
            branch.remove(child)
            return True
        if isinstance(child, Branch) and _take_out(child, leaf):
            if not len(child):
                branch.remove(child)
            return True
    return False
