"""This controller's part of the scheduler tree, put together."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from photon.coordination.protocol import Coordination
from photon.domain.member import Member
from photon.domain.topology import Picture
from photon.outside.clock import Clock
from photon.reconcilers.announcing import Announcer
from photon.reconcilers.chairman import Chairman, Realm
from photon.reconcilers.group_watch import GroupWatch
from photon.reconcilers.host_watch import HostWatch
from photon.reconcilers.leaf_moves import Outlook, Ways
from photon.reconcilers.seating import Seating
from photon.reconcilers.topology_picture import picture
from photon.reconcilers.topology_rows import TopologyRows
from photon.reconcilers.tree_keeper import TreeKeeper
from photon.scheduler.patience import PatientRoot
from photon.scheduler.policy import Policy
from photon.scheduler.shape import TreeShape
from photon.scheduler.treetop import TreeTop
from photon.store.protocol import CloudStore

RETIRE_SECONDS: Final = 10.0  # An heir needs a second or two; the rest is taken from the dead.


@dataclass(frozen=True, slots=True)
class Ground:
    """What the tree stands on."""

    store: CloudStore
    coordination: Coordination
    clock: Clock
    random: Random
    ways: Ways
    shape: TreeShape
    policy: Policy


class TreePart:
    """`root` is what sagas place by, and `top` what a watch of hosts tells; then `start`."""

    def __init__(self, ground: Ground, me: Member) -> None:
        self._rows = TopologyRows(ground.store, ground.clock)
        self.top = TreeTop(ground.clock, ground.random, ground.shape, ground.policy)
        self.top.learn_zones(self._zone_of)
        self.groups = GroupWatch(ground.store, self.top, ground.clock)
        announce = Announcer(ground.store).announce
        outlook = Outlook(ground.store, self._rows, ground.ways, ground.clock, announce)
        self.keeper = TreeKeeper(outlook, ground.coordination, self.top, me.id)
        realm = Realm(ground.store, self._rows, ground.coordination, ground.clock, ground.shape)
        self._chairman = Chairman(realm, me.id)
        self._store = ground.store
        self._coordination = ground.coordination
        self._me = me
        self.root = PatientRoot(self.top.root, self.keeper, ground.clock)

    async def start(self, hosts: HostWatch) -> None:
        await self._rows.start()
        await self.groups.start()  # before any leaf hears of a guest
        await hosts.follow(self.keeper.keeps, self.keeper.warrant)
        self.keeper.start(hosts)
        self._chairman.start()
        self.welcome = Seating(self._store, self.keeper, self._chairman, hosts).welcome

    def picture(self) -> Picture:
        members = {member.id: member for member in self._coordination.members()}
        return picture(self._rows, members, self.top.root.branch, self._me)

    @property
    def may_preside(self) -> bool:
        return self._chairman.may_preside

    async def retire(self) -> None:
        """Others take this controller's leaves, if there are others, before it stops."""
        await self.keeper.retire(seconds=RETIRE_SECONDS)

    async def close(self) -> None:
        await self._chairman.close()
        await self.keeper.close()
        await self.groups.close()
        await self._rows.close()

    def _zone_of(self, host_id: str) -> str | None:
        seat = self._rows.seats.get(host_id)
        return (seat.traits.zone or None) if seat is not None else None
