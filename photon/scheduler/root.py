"""The root of the scheduler tree: chooses among children by their summaries, never among hosts."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from random import Random
from typing import Final

from photon.domain.demand import Demand, NoPlacement, Placement
from photon.domain.placement import merged
from photon.scheduler.protocol import ChildNode
from photon.scheduler.summary import Summary, ruled_out

# Each child asked in vain costs a call. After some, the cloud is as good as full for this demand.
CHILD_TRIES_MAX: Final = 5
# The emptier of two drawn at random: nearly as even as the emptiest of all, and no herd, since
# many roots with the same stale summaries do not all choose the same child.
CHILDREN_DRAWN: Final = 2
# Which child holds a demand, for a second `place`. Far more than are ever under way at once.
DEMANDS_REMEMBERED_MAX: Final = 65_536


class Root:
    """With one child it is only a door: the child is always asked, so its reasons are exact."""

    def __init__(self, children: Sequence[ChildNode], random: Random) -> None:
        assert children, "a tree without a leaf has no hosts"
        self._seats = [_Seat(child) for child in children]
        self._random = random
        self._holders: OrderedDict[str, _Seat] = OrderedDict()

    async def place(self, demand: Demand) -> Placement | NoPlacement:
        if len(self._seats) == 1:
            return await self._seats[0].child.place(demand)
        holder = self._holders.get(demand.id)
        if holder is not None:
            # Held there, and answered again; or given back there, and one try of many.
            again = await holder.child.place(demand)
            if isinstance(again, Placement):
                return again
            self._forget(demand.id)
        return await self._place_anew(demand)

    async def hold(self, demand: Demand, placement: Placement) -> None:
        seat = self._owner(placement.host_id) or self._seats[0]
        self._remember(demand.id, seat)
        await seat.child.hold(demand, placement)

    async def confirm(self, demand: Demand, placement: Placement) -> None:
        seat = self._owner(placement.host_id) or self._seats[0]
        await seat.child.confirm(demand, placement)

    async def release(self, demand_id: str, host_id: str) -> None:
        seat = self._holders.get(demand_id)
        if seat is None or not seat.child.owns(host_id):
            seat = self._owner(host_id) or self._seats[0]
        self._forget(demand_id)
        await seat.child.release(demand_id, host_id)

    async def refused(self, placement: Placement, reason: str) -> None:
        self._forget(placement.demand_id)
        seat = self._owner(placement.host_id)
        if seat is not None:
            await seat.child.refused(placement, reason)

    async def _place_anew(self, demand: Demand) -> Placement | NoPlacement:
        """Asks children that should have room first, then, since summaries lag, some that should
        not. A child that was never asked says its summary's reason."""
        misses = [(seat, ruled_out(seat.look(), demand)) for seat in self._seats]
        likely = [seat for seat, miss in misses if miss is None]
        unlikely = {seat: miss for seat, miss in misses if miss is not None}
        refusals = []
        for _ in range(CHILD_TRIES_MAX):
            if likely:
                seat = self._draw(likely, demand)
                likely.remove(seat)
            elif unlikely:
                seat = max(unlikely, key=lambda seat: seat.room_for(demand))
                del unlikely[seat]
            else:
                break
            answer = await seat.child.place(demand)
            if isinstance(answer, Placement):
                seat.spend(demand)
                self._remember(demand.id, seat)
                return answer
            refusals.append(answer)
        return merged([*refusals, *unlikely.values()])

    def _draw(self, seats: list[_Seat], demand: Demand) -> _Seat:
        drawn = self._random.sample(seats, min(CHILDREN_DRAWN, len(seats)))
        return max(drawn, key=lambda seat: seat.room_for(demand))

    def _owner(self, host_id: str) -> _Seat | None:
        return next((seat for seat in self._seats if seat.child.owns(host_id)), None)

    def _remember(self, demand_id: str, seat: _Seat) -> None:
        self._holders[demand_id] = seat
        self._holders.move_to_end(demand_id)
        if len(self._holders) > DEMANDS_REMEMBERED_MAX:
            self._holders.popitem(last=False)

    def _forget(self, demand_id: str) -> None:
        self._holders.pop(demand_id, None)


class _Seat:
    """A child, its latest summary, and what was placed there since that was made."""

    def __init__(self, child: ChildNode) -> None:
        self.child = child
        self._summary: Summary | None = None
        self._spent = 0

    def look(self) -> Summary:
        summary = self.child.summary()
        if summary is not self._summary:
            self._summary, self._spent = summary, 0
        return summary

    def spend(self, demand: Demand) -> None:
        if demand.cpus or demand.memory_mib:
            self._spent += 1

    def room_for(self, demand: Demand) -> int:
        return self.look().room_for(demand) - self._spent
