"""An office in the CloudStore: a row that names its holder, who has it for as long as it lives.

The fencing number is the revision of the commit by which the office was taken.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec

from photon.coordination.leading import Leading
from photon.domain.member import Office
from photon.store.nouns import MEMBERS, OFFICES
from photon.store.protocol import Insert, Require, RequireNone, Update, Write


class Incumbent(Protocol):
    """The member, as its leaderships see it."""

    def holds(self) -> bool: ...
    def holder(self, office: str) -> str | None: ...
    async def give_back(self, office: str) -> None: ...


class StoredLeadership:
    """See Leadership."""

    def __init__(self, office: str, incumbent: Incumbent) -> None:
        self._office = office
        self._incumbent = incumbent
        self._leading = Leading(incumbent.holds)
        self.fence, self.wait = self._leading.fence, self._leading.wait
        self.tell = self._leading.tell

    @property
    def office(self) -> str:
        return self._office

    @property
    def won(self) -> bool:
        return self._leading.number is not None

    @property
    def resigned(self) -> bool:
        return self._leading.resigned

    async def resign(self) -> None:
        if self.resigned:
            return
        won = self.won
        self._leading.resign()
        if won:
            await self._incumbent.give_back(self._office)

    def leader(self) -> str | None:
        return self._incumbent.holder(self._office)

    # What the coordination tells it

    def took(self, fence: int) -> None:
        self._leading.number = fence

    def dropped(self) -> None:
        self._leading.number = None


def found_vacant(row: Office | None, me: str, living: Collection[str]) -> bool:
    """May `me` take the office? Its own name in the row is of a try whose answer was lost."""
    return row is None or row.holder == me or row.holder not in living


def taking(office: str, row: Office | None, me: str) -> Sequence[Write]:
    """Makes `me` the holder, if `me` is a member and the one in the row is not any more."""
    alive = Require(MEMBERS, me)
    if row is None:
        return [alive, Insert(OFFICES, Office(office, me))]
    taken = Update(OFFICES, msgspec.structs.replace(row, holder=me))
    if row.holder in ("", me):
        return [alive, taken]
    return [alive, RequireNone(MEMBERS, {"id": row.holder}), taken]
