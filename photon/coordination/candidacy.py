"""A candidate for an office in ZooKeeper: a numbered node. Of those that are left, the first leads.

What is so is read from the ensemble each time, and never from the answer to an attempt: an answer
can be lost, and the node be there.
"""

from __future__ import annotations

from typing import Protocol

from photon.coordination.leading import Leading
from photon.coordination.session import Found, NodeSession


class Candidate(Protocol):
    """The member, as its candidacies see it."""

    @property
    def me(self) -> str: ...
    @property
    def session(self) -> NodeSession: ...
    def holds(self) -> bool: ...


class Candidacy:
    """See Leadership."""

    def __init__(self, office: str, path: str, candidate: Candidate) -> None:
        self._office = office
        self._path = path
        self._candidate = candidate
        self._leading = Leading(candidate.holds)
        self.fence, self.wait = self._leading.fence, self._leading.wait
        self._leader: str | None = None
        self._known: dict[str, Found] = {}  # what the nodes hold never changes
        self._is_there = False  # the node over the candidates', which nobody of ours deletes

    @property
    def office(self) -> str:
        return self._office

    @property
    def resigned(self) -> bool:
        return self._leading.resigned

    async def resign(self) -> None:
        self.drop()
        await self._withdraw(await self._mine())

    def drop(self) -> None:
        """Leads no more, and does not try again."""
        self._leading.resign()

    def leader(self) -> str | None:
        return self._leader

    async def look(self) -> bool:
        """Sees who leads; answers whether that is news. Stands, if it does not yet."""
        before = self._leader, self._leading.number
        session = self._candidate.session
        if not self.resigned and not await self._mine():
            await session.create(f"{self._path}/n-", self._candidate.me.encode(), sequence=True)
        mine = await self._mine()
        # More than one: the answer to an attempt was lost, or somebody resigned and stands again.
        await self._withdraw(mine if self.resigned else mine[1:])
        first = next(iter(self._known.items()), None)
        self._leader = None if first is None else first[1].value.decode()
        leads = first is not None and not self.resigned and mine[:1] == [first[0]]
        self._leading.number = first[1].made_by if leads and first is not None else None
        self._leading.tell()
        return before != (self._leader, self._leading.number)

    async def _mine(self) -> list[str]:
        """The names of this member's nodes, the first one first."""
        session = self._candidate.session
        known: dict[str, Found] = {}
        for name in await self._names():
            found = self._known.get(name) or await session.find(f"{self._path}/{name}")
            if found is not None:
                known[name] = found
        self._known = known
        me = self._candidate.me.encode()
        return [name for name, found in known.items() if found.value == me]

    async def _names(self) -> list[str]:
        """Of all candidates, the first one first."""
        session = self._candidate.session
        if not self._is_there:
            await session.ensure(self._path)
            self._is_there = True
        try:
            return await session.children(self._path)
        except Exception:
            self._is_there = False  # Perhaps somebody has tidied up there: the next look makes it.
            raise

    async def _withdraw(self, names: list[str]) -> None:
        for name in names:
            await self._candidate.session.delete(f"{self._path}/{name}")
            self._known.pop(name, None)
