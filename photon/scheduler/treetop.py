"""What one controller has of the scheduler tree: its root, its own leaves, ways to those of others.

It decides nothing: it is told which leaves there are, who answers for each, and which hosts are in
them. Hosts are heard of as by a single leaf; each call goes to the leaf that has the host here.

The root is over this controller's leaves as long as there are no others. From then on it is over
one branch a controller, which are about as large as each other: so the two that are drawn for a
demand are fairly compared, whoever owns how many leaves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from random import Random

from photon.domain.demand import Demand, Placement
from photon.domain.guest import HostReport, Inventory
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.outside.clock import Clock
from photon.scheduler.audit import audit
from photon.scheduler.books import Held
from photon.scheduler.branch import Branch
from photon.scheduler.datastores import Datastores
from photon.scheduler.groups import Groups
from photon.scheduler.growth import Growth
from photon.scheduler.leaf import Leaf
from photon.scheduler.policy import Policy
from photon.scheduler.protocol import ChildNode
from photon.scheduler.root import Root
from photon.scheduler.shape import TreeShape

MINE = "mine"  # The branch over this controller's leaves, beside those of others.


class TreeTop:
    """`root` is what sagas are given; it stays the same however the tree changes."""

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
        self._leaves: dict[str, Leaf] = {}
        self._leaf_of: dict[str, Leaf] = {}
        self._id_of: dict[Leaf, str] = {}
        self._hosts: dict[Leaf, set[str]] = {}
        self._asked: dict[str, tuple[str, ChildNode]] = {}  # by leaf: its controller, and the node
        self.root = Root([], random, clock)
        self._growths = {MINE: self._growth(self.root.branch)}

    # --- leaves ----------------------------------------------------------------------------------

    def build(self, leaf_id: str) -> Leaf:
        """A leaf of this controller. The root does not ask it before `open`."""
        leaf = self._leaves.get(leaf_id)
        if leaf is None:
            leaf = Leaf(self._clock, self._policy, self._datastores, self._groups)
            self._leaves[leaf_id], self._id_of[leaf], self._hosts[leaf] = leaf, leaf_id, set()
        return leaf

    def leaf(self, leaf_id: str) -> Leaf | None:
        """This controller's; None when it is another's."""
        return self._leaves.get(leaf_id)

    def open(self, leaf_id: str) -> None:
        """From now on the root asks this controller's leaf, and nobody else's of that name."""
        self._ask(leaf_id, MINE, self._leaves[leaf_id])

    def reach(self, leaf_id: str, controller: str, node: ChildNode) -> None:
        """From now on the root asks `node`, in another controller."""
        assert controller != MINE, "controllers have names of their own"
        self._ask(leaf_id, controller, node)

    def close(self, leaf_id: str) -> None:
        """The root asks nobody for this leaf until somebody answers for it again."""
        asked = self._asked.pop(leaf_id, None)
        if asked is None:
            return
        controller, node = asked
        growth = self._growths[controller]
        growth.remove(node)
        if controller != MINE and not len(growth.top):
            self.root.branch.remove(growth.top)
            del self._growths[controller]

    def drop(self, leaf_id: str) -> Collection[str]:
        """This controller's leaf is another's now, or none: forgets what is believed of its hosts,
        and answers which they are."""
        leaf = self._leaves.get(leaf_id)
        if leaf is None:
            return ()
        if self._asked.get(leaf_id) == (MINE, leaf):
            self.close(leaf_id)
        hosts = sorted(self._hosts[leaf])
        for host_id in hosts:
            self.unseat(host_id)
        leaf.abandon()
        del self._leaves[leaf_id], self._id_of[leaf], self._hosts[leaf]
        return hosts

    def answering(self, leaf_id: str) -> str | None:
        """The controller whose node the root asks for this leaf; None: nobody."""
        asked = self._asked.get(leaf_id)
        return None if asked is None else asked[0]

    def _ask(self, leaf_id: str, controller: str, node: ChildNode) -> None:
        if self._asked.get(leaf_id) == (controller, node):
            return
        self.close(leaf_id)
        growth = self._growths.get(controller)
        if growth is None:
            if len(self._growths) == 1:
                self._part()
            branch = self._new_branch()
            self.root.branch.add(branch, controller)
            growth = self._growths[controller] = self._growth(branch)
        growth.add(node, leaf_id)
        self._asked[leaf_id] = controller, node

    def _part(self) -> None:
        """Makes room at the root for other controllers' branches beside this one's."""
        mine = self._growths[MINE]
        if mine.top is self.root.branch:
            mine.top = self.root.branch.deepen(MINE)

    def _growth(self, top: Branch) -> Growth:
        return Growth(top, self._shape.fan_out_max, self._new_branch)

    def _new_branch(self) -> Branch:
        return Branch(self._random, self._clock, self._policy)

    # --- its hosts, as a leaf has them -----------------------------------------------------------

    def seat(self, host_id: str, leaf_id: str) -> None:
        """The host is in this leaf of this controller, from whichever it comes, with all holds."""
        leaf = self._leaves[leaf_id]
        before = self._leaf_of.get(host_id)
        if before is not None and before is not leaf:
            self._hosts[before].discard(host_id)
            before.move_host(host_id, leaf)
        self._leaf_of[host_id] = leaf
        self._hosts[leaf].add(host_id)

    def unseat(self, host_id: str) -> None:
        """The host is in no leaf of this controller."""
        leaf = self._leaf_of.pop(host_id, None)
        if leaf is not None:
            self._hosts[leaf].discard(host_id)
            leaf.remove_host(host_id)

    def leaf_of(self, host_id: str) -> str | None:
        """The leaf of this controller that the host is in."""
        leaf = self._leaf_of.get(host_id)
        return None if leaf is None else self._id_of[leaf]

    def promises(self, leaf_id: str, host_id: str | None = None) -> list[tuple[Demand, Placement]]:
        """What this controller's leaf placed (on one host, or all) and may not exist yet."""
        leaf = self._leaves.get(leaf_id)
        if leaf is None:
            return []
        hosts = sorted(self._hosts[leaf]) if host_id is None else [host_id]
        return [promise for each in hosts for promise in leaf.promises(each)]

    def put_host(self, view: HostView) -> None:
        leaf = self._leaf_of.get(view.id)
        if leaf is not None:
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
        """It takes nothing more; its seat stays, for it may be provisioned again."""
        leaf = self._leaf_of.get(host_id)
        if leaf is not None:
            leaf.remove_host(host_id)

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

    # --- groups, as the store has them -----------------------------------------------------------

    def tell_groups(self, vm_id: str, keys: frozenset[str], host_id: str | None) -> None:
        """The VM is a member of these, wherever it is; None: it is on no host yet."""
        self._groups.told.put(vm_id, keys, host_id)
        leaf = None if host_id is None else self._leaf_of.get(host_id)
        if leaf is not None and host_id is not None:
            leaf.regroup(vm_id, host_id)

    def forget_groups(self, vm_id: str) -> None:
        """The VM is deleted, or a member of nothing."""
        self._groups.told.drop(vm_id)

    def grouped(self) -> Collection[str]:
        """The VMs of which groups were told."""
        return self._groups.told.vms()

    def learn_zones(self, zone_of: Callable[[str], str | None]) -> None:
        """Where hosts of other controllers are."""
        self._groups.told.zone_of = zone_of

    # --- looks, and does not touch ---------------------------------------------------------------

    def held(self, host_id: str) -> dict[str, Held]:
        """By VM or disk, what is held of one host now."""
        leaf = self._leaf_of.get(host_id)
        return {} if leaf is None else leaf.held(host_id)

    def audit(self) -> list[str]:
        """What is wrong with the books; nothing, or there is a bug."""
        return audit([leaf.ledger for leaf in self._leaves.values()])

    def leaf_ids(self) -> Iterable[str]:
        """Of this controller's leaves."""
        return self._leaves.keys()

    def branches(self) -> Sequence[tuple[str, Branch]]:
        """Over the leaves of each controller; the root itself while there is only this one."""
        return [(controller, growth.top) for controller, growth in self._growths.items()]
