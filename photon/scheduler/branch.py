"""A branch of the scheduler tree: chooses among children by their summaries, never among hosts.

Children are filtered first, then drawn. A child that refuses corrects what is believed of it, and
the search goes on: through all children that should have room, then, since summaries lag, through
some that should not. So in a cloud in which nothing changes no demand is refused that a host could
take; while it changes, only one for which room came up in the last second or so, by other ways than
through this node, in a child that was not among those tried.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from random import Random
from typing import Final

from photon.domain.demand import Demand, Level, NoPlacement, Placement, ReasonCount, Strategy
from photon.domain.fits import Fits
from photon.outside.clock import Clock
from photon.scheduler.capacity import added
from photon.scheduler.filter_order import constraints
from photon.scheduler.misses import merged
from photon.scheduler.policy import Policy
from photon.scheduler.protocol import ChildNode
from photon.scheduler.seats import Seat
from photon.scheduler.summary import Summary, missing_fact, wishes_unmet
from photon.scheduler.telling import BranchTelling

# Children that are asked although their summaries have no room. Each costs a call in vain when the
# cloud is full, and as many calls below it; room that has just come up is found sooner.
UNLIKELY_TRIES_MAX: Final = 5
# Which child holds a demand, for a second `place`. Far more than are ever under way at once.
DEMANDS_REMEMBERED_MAX: Final = 65_536
# Which child has a host, for what is given back there: as many as one controller's tree has hosts.
HOSTS_REMEMBERED_MAX: Final = 131_072
# Pairs of children that are drawn before all are looked through: in a cloud that is nearly full
# one of two is often full, and hardly ever one of each of four pairs.
DRAWS_MAX: Final = 4
# Demands have few kinds of constraints at a time; hostile ones push each other out.
SHORTLISTS_MAX: Final = 256
_NEVER: Final = float("-inf")


class Branch:
    """With one child it is only a door: the child is always asked, so its reasons are exact."""

    def __init__(self, random: Random, clock: Clock, policy: Policy | None = None) -> None:
        self._random = random
        self._clock = clock
        self._policy = policy or Policy()
        self._seats: list[Seat] = []
        self._holders: OrderedDict[str, Seat] = OrderedDict()
        self._owners: dict[str, Seat] = {}  # by host, as far as anybody asked; looked at again
        self._shortlists: dict[Hashable, list[Seat]] = {}
        self._telling = BranchTelling()
        self._looked_at = _NEVER

    # --- its children ----------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._seats)

    def children(self) -> Sequence[ChildNode]:
        return [seat.child for seat in self._seats]

    def named_children(self) -> Sequence[tuple[str, ChildNode]]:
        return [(seat.name, seat.child) for seat in self._seats]

    def add(self, child: ChildNode, name: str) -> None:
        self._seats.append(Seat(child, name))
        self._look_anew()

    def remove(self, child: ChildNode) -> None:
        """It holds nothing any more."""
        (gone,) = [seat for seat in self._seats if seat.child is child]
        self._seats.remove(gone)
        self._owners.clear()
        for demand_id in [id for id, seat in self._holders.items() if seat is gone]:
            self._forget(demand_id)
        self._look_anew()

    def deepen(self, name: str) -> Branch:
        """Puts a new branch between itself and its children, which makes room for others. Whoever
        knows this branch need not hear of it, and what it knows of demands goes down as well."""
        between = Branch(self._random, self._clock, self._policy)
        between._seats, self._seats = self._seats, []
        self._owners.clear()
        between._holders = self._holders.copy()
        self.add(between, name)
        self._holders = OrderedDict.fromkeys(self._holders, self._seats[0])
        return between

    # --- a node of the tree ----------------------------------------------------------------------

    async def place(self, demand: Demand) -> Placement | NoPlacement:
        if len(self._seats) == 1:
            only = self._seats[0]
            answer = await only.child.place(demand)
            # Another child may come before it is asked for again; and this one may have gone.
            if isinstance(answer, Placement) and not demand.dry_run and only in self._seats:
                self._remember(demand.id, only)
            return answer
        holder = self._holders.get(demand.id)
        if holder is not None:
            # Held there, and answered again; or given back there, and one try of many.
            again = await holder.child.place(demand)
            if isinstance(again, Placement):
                return again
            self._forget(demand.id)
        self._look_about()
        shortlist = self._shortlist(demand)
        first = self._draw(shortlist, demand)
        if first is None:
            return await self._search(demand, shortlist, {})
        answer = await first.child.place(demand)
        if isinstance(answer, Placement):
            return self._taken(first, demand, answer, fitting=len(shortlist), asked=1)
        first.learn(demand, answer)
        return await self._search(demand, shortlist, {first: answer})

    async def fits(self, demand: Demand) -> Fits:
        """One child after the other, and whatever else waits in between."""
        self._look_about()
        parts = []
        for seat in self._seats:
            fact = missing_fact(seat.facts, demand) if seat.summary.hosts_ready else None
            if fact is None:
                parts.append(await seat.child.fits(demand))
                await self._clock.sleep(0)
            else:
                hosts = seat.summary.hosts
                parts.append(Fits(hosts, reasons=(ReasonCount(fact, hosts),)))
        return added(parts)

    async def hold(self, demand: Demand, placement: Placement) -> None:
        seat = self._owner(placement.host_id) or self._only_child()
        if seat is not None:  # else its leaf is on its way here, and reads the same journal
            self._remember(demand.id, seat)
            await seat.child.hold(demand, placement)

    async def confirm(self, demand: Demand, placement: Placement) -> None:
        seat = self._holder_or_owner(demand.id, placement.host_id) or self._only_child()
        if seat is not None:  # else its leaf is on its way here, and hears of the guest by itself
            await seat.child.confirm(demand, placement)

    async def release(self, demand_id: str, host_id: str) -> None:
        seat = self._holder_or_owner(demand_id, host_id)
        self._forget(demand_id)
        if seat is not None:
            seat.give_back()
            await seat.child.release(demand_id, host_id)

    async def refused(self, placement: Placement, reason: str) -> None:
        seat = self._holder_or_owner(placement.demand_id, placement.host_id)
        self._forget(placement.demand_id)
        if seat is not None:
            await seat.child.refused(placement, reason)

    def summary(self) -> Summary:
        self._look_about()
        return self._telling.renew([seat.summary for seat in self._seats])

    def owns(self, host_id: str) -> bool:
        return self._owner(host_id) is not None

    # --- the search ------------------------------------------------------------------------------

    async def _search(
        self, demand: Demand, shortlist: Sequence[Seat], answers: dict[Seat, NoPlacement]
    ) -> Placement | NoPlacement:
        """Bounded by the children, which are bounded by the fan-out."""
        likely = [seat for seat in shortlist if seat not in answers and seat.has_room(demand)]
        unlikely_tries = UNLIKELY_TRIES_MAX
        unlikely: list[Seat] | None = None
        while likely or unlikely_tries:
            if likely:
                seat = self._draw(likely, demand) or likely[0]
                likely.remove(seat)
            else:
                if unlikely is None:
                    unlikely = self._unlikely(demand, shortlist, answers)
                if not unlikely:
                    break
                seat = unlikely.pop()
                unlikely_tries -= 1
            answer = await seat.child.place(demand)
            if isinstance(answer, Placement):
                return self._taken(seat, demand, answer, len(shortlist), len(answers) + 1)
            seat.learn(demand, answer)
            answers[seat] = answer
        return self._told(demand, answers)

    def _unlikely(
        self, demand: Demand, shortlist: Sequence[Seat], answers: dict[Seat, NoPlacement]
    ) -> list[Seat]:
        """The most promising last: room comes and goes sooner than what a host is, and where it was
        given back through this node there is some. A silent child would take a try from others."""
        left = [seat for seat in self._seats if seat not in answers and not seat.is_silent]
        facts = set(shortlist)
        return sorted(left, key=lambda seat: (seat in facts, seat.freed, seat.left(demand)))

    def _told(self, demand: Demand, answers: dict[Seat, NoPlacement]) -> NoPlacement:
        """A child that was never asked says its summary's reason."""
        known = [answers.get(seat) or seat.why_not(demand) for seat in self._seats]
        return merged(refusal for refusal in known if refusal is not None)

    def _taken(
        self, seat: Seat, demand: Demand, placement: Placement, fitting: int, asked: int
    ) -> Placement:
        score = seat.left(demand)
        if not demand.dry_run:
            seat.spend(demand)
            self._remember(demand.id, seat)
        return placement.under(Level(seat.name, len(self._seats), fitting, asked, score))

    def _wished(self, seats: Sequence[Seat], demand: Demand) -> Sequence[Seat]:
        """Those of the children with room that may have the most of what it wishes for. Whether
        the very hosts that have it are full is known of a leaf of one kind of hosts alone."""
        with_room = [seat for seat in seats if seat.has_room(demand)]
        unmet = [wishes_unmet(seat.facts, demand) for seat in with_room]
        least = min(unmet, default=0)
        return [seat for seat, count in zip(with_room, unmet, strict=True) if count == least]

    def _draw(self, seats: Sequence[Seat], demand: Demand) -> Seat | None:
        """To pack: the fullest that has room. To spread: the emptier of two drawn at random, which
        is nearly as even as the emptiest of all, and no herd, since many roots with the same stale
        summaries do not all choose the same child. None when one of each two has no room: then draw
        among those that have."""
        if demand.wishes:
            seats = self._wished(seats, demand)
        if demand.strategy is Strategy.PACK:
            with_room = [seat for seat in seats if seat.has_room(demand)]
            return min(with_room, key=lambda seat: seat.left(demand), default=None)
        count = len(seats)
        if count < 2:
            return seats[0] if count and seats[0].has_room(demand) else None
        random = self._random.random
        for _ in range(DRAWS_MAX):
            one = int(random() * count)
            other = int(random() * (count - 1))
            a, b = seats[one], seats[other + 1 if other >= one else other]
            if a.has_room(demand) and b.has_room(demand):
                return a if a.left(demand) >= b.left(demand) else b
        return None

    # --- what it knows ---------------------------------------------------------------------------

    def _look_about(self) -> None:
        now = self._clock.monotonic()
        if now - self._looked_at < self._policy.summary_seconds:
            return
        self._looked_at = now
        others = [seat for seat in self._seats if seat.look()]  # each looks, not the first alone
        if others:
            self._shortlists.clear()

    def _look_anew(self) -> None:
        self._looked_at = _NEVER
        self._shortlists.clear()

    def _shortlist(self, demand: Demand) -> list[Seat]:
        """The children whose facts suit it, whatever their room."""
        key = constraints(demand)
        seats = self._shortlists.get(key)
        if seats is None:
            if len(self._shortlists) >= SHORTLISTS_MAX:
                self._shortlists.clear()
            seats = [seat for seat in self._seats if missing_fact(seat.facts, demand) is None]
            self._shortlists[key] = seats
        return seats

    def _holder_or_owner(self, demand_id: str, host_id: str) -> Seat | None:
        seat = self._holders.get(demand_id)
        if seat is not None and seat.child.owns(host_id):
            return seat
        return self._owner(host_id)

    def _only_child(self) -> Seat | None:
        return self._seats[0] if len(self._seats) == 1 else None

    def _owner(self, host_id: str) -> Seat | None:
        known = self._owners.get(host_id)
        if known is not None and known.child.owns(host_id):
            return known
        for seat in self._seats:
            if seat.child.owns(host_id):
                if len(self._owners) >= HOSTS_REMEMBERED_MAX:
                    self._owners.clear()
                self._owners[host_id] = seat
                return seat
        self._owners.pop(host_id, None)
        return None

    def _remember(self, demand_id: str, seat: Seat) -> None:
        self._holders[demand_id] = seat
        if len(self._holders) > DEMANDS_REMEMBERED_MAX:
            self._holders.popitem(last=False)

    def _forget(self, demand_id: str) -> None:
        self._holders.pop(demand_id, None)
