"""What controllers agree upon: which of them live, and which of them holds which office.

A member is registered for as long as it lives. Death is decided by the observer's own monotonic
clock; clocks of different machines are never compared. Who was declared dead can never come back
under the same id: `lost` tells it, and it must stop.

Implementations: in the CloudStore (photon.coordination.in_store), and in ZooKeeper
(photon.coordination.zookeeper). One contract suite: tests/coordination.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from photon.domain.member import Member

CONTROLLER: Final = "controller"  # Member.component of a controller

Listener = Callable[[], None]


class Leadership(Protocol):
    """One member's wish to hold one office, and whether it does."""

    @property
    def office(self) -> str: ...

    def fence(self) -> int | None:
        """The fencing number while this member leads, else None.

        It is None already when the lease is nearly over by this member's own clock: what was
        leased is given up before somebody else can have it. Of one office, whoever comes to
        lead later has the higher number. Cheap.
        """
        ...

    async def wait(self) -> int:
        """Returns the fencing number as soon as this member leads."""
        ...

    async def resign(self) -> None:
        """Gives the office up at once, and does not try again."""
        ...

    def leader(self) -> str | None:
        """The id of the member that leads, as last known; None: nobody."""
        ...


class Coordination(Protocol):
    """Its constructor takes `lost`: called when somebody declared this member dead."""

    async def join(self, member: Member) -> None:
        """Registers `member` for as long as this process lives."""
        ...

    async def leave(self) -> None:
        """Says goodbye: nobody has to wait for the end of the lease. Offices are given up."""
        ...

    def members(self) -> Sequence[Member]:
        """Those that live, this one included, by id, as last known. Cheap; `generation` is 0."""
        ...

    async def is_gone(self, member_id: str) -> bool:
        """Asks afresh: True when nobody is registered by this id. Nobody ever will be then."""
        ...

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Calls `listener` after members or a leadership changed; returns how to stop it."""
        ...

    def campaign(self, office: str) -> Leadership:
        """From now on this member tries to hold `office`; asked again, the same answer."""
        ...

    async def servers(self, *, seconds: float) -> Mapping[str, bool]:
        """Each server that this rests on, and whether it answers within so long.

        None of its own where it rests on the CloudStore.
        """
        ...
