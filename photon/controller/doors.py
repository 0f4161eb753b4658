"""From controller to controller: the door at which this one serves leaves, and those of others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from photon.domain.member import Member
from photon.outside.clock import Clock
from photon.outside.ids import Ids
from photon.rpc.network import Network
from photon.scheduler.door import Door
from photon.scheduler.pace import Pace
from photon.scheduler.protocol import ChildNode
from photon.scheduler.remote import RemoteDoor
from photon.scheduler.vain import Vain


class Doors:
    """See photon.reconcilers.leaf_moves.Ways."""

    def __init__(self, network: Network, clock: Clock, ids: Ids) -> None:
        self._network = network
        self._clock = clock
        self._ids = ids
        self._mine = Door(clock, ids.new())
        self._pace = Pace(vain=Vain(clock))
        self._others: dict[str, RemoteDoor] = {}  # by member
        self._closing: set[asyncio.Task[None]] = set()

    async def open(self, host: str, port: int) -> str:
        """Listens; the answer is the `host:port` for others. Port 0: whichever is free."""
        at = f"[{host}]" if ":" in host else host
        return await self._mine.open(self._network, f"{at}:{port}")

    async def close(self) -> None:
        self.retain(())
        # In any order: all of them are awaited.
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._mine.close()

    def node(
        self, member: Member, leaf_id: str, owns: Callable[[str], bool], hosts: int
    ) -> ChildNode:
        door = self._others.get(member.id)
        if door is None:
            door = self._others[member.id] = RemoteDoor(
                self._network, member.node_endpoint, self._clock, self._ids.new(), self._pace
            )
            door.start()
        return door.node(leaf_id, owns, hosts)

    def retain(self, members: Collection[Member]) -> None:
        living = {member.id for member in members}
        for id in [id for id in self._others if id not in living]:
            closing = asyncio.ensure_future(self._others.pop(id).close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def admit(self, leaf_id: str, node: ChildNode) -> None:
        self._mine.admit(leaf_id, node)

    def withdraw(self, leaf_id: str) -> None:
        self._mine.withdraw(leaf_id)
