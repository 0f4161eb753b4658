"""Coordination in ZooKeeper: members and candidates are nodes that live as long as their sessions.

    /members/ID            a member
    /offices/NAME/n-0001   a candidate: the first of those that are left leads

A leader's fencing number is the transaction that made its candidate: of two leaders of an office,
the later one came later.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import msgspec

from photon.coordination.candidacy import Candidacy
from photon.coordination.ensemble import Ensemble
from photon.coordination.errors import CoordinationUnavailable
from photon.coordination.listeners import Listeners
from photon.coordination.protocol import Listener
from photon.coordination.rounds import Rounds
from photon.coordination.session import OpenSession
from photon.coordination.terms import LeaseTerms
from photon.coordination.zookeeper_session import ZooKeeperSession
from photon.domain.member import Member
from photon.outside.clock import Clock

MEMBERS: Final = "/members"
OFFICES: Final = "/offices"

log = logging.getLogger(__name__)


class ZooKeeperCoordination:
    """See Coordination. Made on the event loop that it is used on."""

    def __init__(
        self,
        ensemble: Ensemble,
        clock: Clock,
        terms: LeaseTerms,
        lost: Callable[[], None],
        open_session: OpenSession = ZooKeeperSession,
    ) -> None:
        self._ensemble = ensemble
        self._clock = clock
        self._terms = terms
        self._lost = lost
        self._listeners = Listeners()
        self._me: Member | None = None
        self._members: dict[str, Member] = {}
        self._campaigns: dict[str, Candidacy] = {}
        self._held_until = -math.inf  # by the monotonic clock; nothing is held at first
        self._answered_at = -math.inf  # when the last heartbeat began that was answered
        self._gone = False
        self._looking = asyncio.Lock()
        self._rounds = Rounds(clock, (CoordinationUnavailable,), _nothing)
        self.session = open_session(
            ensemble, terms.lease_seconds, self._rounds.look_again.set, self._declared_dead
        )

    # Being a member

    async def join(self, member: Member) -> None:
        assert self._me is None, "a process joins once"
        await self.session.start()
        for path in (MEMBERS, OFFICES):
            await self.session.ensure(path)
        began = self._clock.monotonic()
        self._me = msgspec.structs.replace(member, generation=0)
        await self.session.create(self._place, msgspec.json.encode(self._me))
        self._answered_at = began
        self._held_until = began + self._held_seconds
        await self.look()
        self._rounds.start(self._terms.renew_seconds, self.beat, self.look)

    @property
    def _place(self) -> str:
        assert self._me is not None
        return f"{MEMBERS}/{self._me.id}"

    async def leave(self) -> None:
        """The end of the session takes everything with it."""
        self._gone = True
        for candidacy in self._campaigns.values():
            candidacy.drop()
        await self._rounds.stop()
        await self.session.stop()

    async def beat(self) -> None:
        """Makes sure that the session lives, then looks at what has changed."""
        began = self._clock.monotonic()
        if not await self.session.exists(self._place):
            self._declared_dead()
            return
        # The server that answered tells the ensemble's leader within half a tick, which is a
        # quarter of a session at most. After a longer silence the leader may have ended the
        # session before it heard of this: the next answer tells.
        if began - self._answered_at <= self.session.session_seconds / 2:
            self._held_until = began + self._held_seconds
        self._answered_at = began
        await self.look()

    @property
    def _held_seconds(self) -> float:
        """Of a session, for the servers may have granted a shorter one than was asked for."""
        granted = min(self.session.session_seconds, self._terms.lease_seconds)
        return LeaseTerms(granted).held_seconds

    def _declared_dead(self) -> None:
        if self._gone:
            return
        self._gone = True
        self._rounds.end()
        log.error("this process's ZooKeeper session is over, so it is dead to others; it stops")
        self._lost()
        self._listeners.tell()

    @property
    def ended(self) -> bool:
        """Left, or declared dead."""
        return self._gone

    def holds(self) -> bool:
        return not self._gone and self._clock.monotonic() < self._held_until

    # Looking at the others

    def members(self) -> Sequence[Member]:
        return tuple(self._members.values())

    async def is_gone(self, member_id: str) -> bool:
        await self.session.sync(MEMBERS)
        return not await self.session.exists(f"{MEMBERS}/{member_id}")

    async def servers(self, *, seconds: float) -> Mapping[str, bool]:
        places = self._ensemble.servers.split(",")
        answers = await asyncio.gather(*(_answers(place, seconds) for place in places))
        return dict(zip(places, answers, strict=True))

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        return self._listeners.add(listener)

    def campaign(self, office: str) -> Candidacy:
        known = self._campaigns.get(office)
        if known is None or known.resigned:
            path = f"{OFFICES}/{office}"
            known = self._campaigns[office] = Candidacy(office, path, self)
            self._rounds.look_again.set()
        return known

    @property
    def me(self) -> str:
        assert self._me is not None
        return self._me.id

    async def look(self) -> None:
        """Sees who lives and who leads."""
        async with self._looking:
            if self._gone:
                return
            changed = await self._see_members()
            for candidacy in tuple(self._campaigns.values()):
                changed |= await candidacy.look()
            if changed:
                self._listeners.tell()

    async def _see_members(self) -> bool:
        before = self._members
        seen: dict[str, Member] = {}
        for id in await self.session.children(MEMBERS):
            member = before.get(id) or await self._read(id)
            if member is not None:
                seen[id] = member
        self._members = seen
        return seen.keys() != before.keys()

    async def _read(self, id: str) -> Member | None:
        found = await self.session.find(f"{MEMBERS}/{id}")
        if found is None:
            return None
        try:
            return msgspec.json.decode(found.value, type=Member)
        except msgspec.DecodeError:
            log.warning("what is registered as member %s is none of this release's", id)
            return None


def _nothing() -> None:
    """Nobody is judged here: who is silent, the ensemble says."""


async def _answers(place: str, seconds: float) -> bool:
    host, _, port = place.rpartition(":")
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host.strip("[]"), int(port))
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
