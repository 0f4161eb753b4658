"""A session with an ensemble, as the coordination upon it asks for it.

Implementations: ZooKeeperSession, and a simulation's (photon.simulation.coordination).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from photon.coordination.ensemble import Ensemble


class Found(msgspec.Struct, frozen=True):
    """What a node holds, and the transaction that made it: in all the ensemble, later is higher."""

    value: bytes
    made_by: int
    session_id: int  # of whom it lives and dies with; 0: nobody


class NodeSession(Protocol):
    """Calls raise CoordinationUnavailable: the ensemble does not answer."""

    @property
    def id(self) -> int: ...

    @property
    def session_seconds(self) -> float:
        """So long a silence ends the session: what was granted, once that is known."""
        ...

    async def start(self) -> None:
        """Raises CoordinationUnavailable: no server of the ensemble answers."""
        ...

    async def stop(self) -> None:
        """Ends the session: what it made for its own lifetime is gone at once."""
        ...

    async def create(self, path: str, value: bytes, *, sequence: bool = False) -> None:
        """A node that lives for as long as this session; nothing if it is there already."""
        ...

    async def ensure(self, path: str) -> None:
        """A node that stays, and those above it."""
        ...

    async def delete(self, path: str) -> None: ...
    async def find(self, path: str) -> Found | None: ...
    async def exists(self, path: str) -> bool: ...

    async def children(self, path: str) -> list[str]:
        """Sorted; `changed` is called when others come or some of these go."""
        ...

    async def sync(self, path: str) -> None:
        """What is read after this is as new as anything that anybody was told before it."""
        ...


# Its arguments: the ensemble, how long a session is asked for, what is called when a watched node
# changed or the connection did, and what is called when the session is over.
OpenSession = Callable[[Ensemble, float, Callable[[], None], Callable[[], None]], NodeSession]
