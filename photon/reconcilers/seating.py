"""Gives a host that has just become ours its place in the tree, before anybody asks for it."""

from __future__ import annotations

import logging
from typing import Final

from photon.domain.guest import Inventory
from photon.domain.host import Host
from photon.domain.topology import HostSeat, Traits, is_shared
from photon.reconcilers.chairman import Chairman
from photon.reconcilers.host_watch import HostWatch
from photon.reconcilers.tree_keeper import TreeKeeper
from photon.store.errors import AlreadyExists, RequirementFailed
from photon.store.nouns import HOSTS, SEATS
from photon.store.protocol import CloudStore, Insert, Require

# An election and a moment. A host that has no seat by then gets one without anybody waiting.
SEAT_SECONDS: Final = 20.0

log = logging.getLogger(__name__)


class Seating:
    def __init__(
        self, store: CloudStore, keeper: TreeKeeper, chairman: Chairman, hosts: HostWatch
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._chairman = chairman
        self._hosts = hosts

    async def welcome(self, host: Host, inventory: Inventory) -> None:
        """Returns when the host has a leaf; if that is this controller's, it takes VMs from now on,
        else from when its owner has heard that the host is ours."""
        if not self._keeper.is_seated(host.id):
            await self._ask(host, inventory)
        if self._keeper.keeps(host.id):
            self._hosts.welcome(host, inventory)

    async def _ask(self, host: Host, inventory: Inventory) -> None:
        shared = {each.id for each in inventory.capacity.datastores if is_shared(each.type)}
        traits = Traits.of(host, shared.intersection(host.datastore_ids))
        if await self._chairman.seat(host.id, traits):
            return
        try:
            # `host` is as the end of its task is about to write it. Who comes too late, when the
            # task had another owner, asks for no seat: the host may be gone by now.
            before = Require(HOSTS, host.id, {"generation": host.generation - 1})
            await self._store.commit([before, Insert(SEATS, HostSeat(host.id, "", traits))])
        except AlreadyExists:
            log.debug("host %s has asked for a seat before", host.id)
        except RequirementFailed:
            log.info("host %s was changed meanwhile; it asks for no seat here", host.id)
            return
        if not await self._keeper.wait_seated(host.id, seconds=SEAT_SECONDS):
            log.warning("host %s has no place in the scheduler's tree yet", host.address)
