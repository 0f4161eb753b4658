"""When a controller dies: counted in commits and calls of agents, the only moments that matter.

Whatever happens between two of them is in memory and dies with it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar, cast

from photon.agent_client.protocol import Agents
from photon.store.protocol import CloudStore, Revision, Write

T = TypeVar("T")

When = Literal["before", "after"]


class Crash(BaseException):
    """The process died. Not an Exception, so that no code under test can handle it."""


@dataclass
class Fate:
    """Dies just before or just after the event number `crash_at`; nothing it does later counts."""

    crash_at: int | None = None
    crash: When = "before"
    events: list[str] = field(default_factory=list)
    dead: bool = False
    problems: list[Exception] = field(default_factory=list)  # what the next events end with

    async def event(self, name: str, happen: Callable[[], Awaitable[T]]) -> T:
        self.check()
        now = len(self.events) == self.crash_at
        self.events.append(name)
        if now and self.crash == "before":
            self.die()
        if self.problems:
            raise self.problems.pop(0)
        result = await happen()
        self.check()  # it may have died while this was on its way
        if now:
            self.die()
        return result

    def die(self) -> None:
        self.dead = True
        raise Crash

    def check(self) -> None:
        if self.dead:
            raise Crash

    def count(self, name: str) -> int:
        return self.events.count(name)


COMMIT = "commit"


class _Mortal:
    """Passes everything on while its process lives."""

    def __init__(self, inner: Any, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate


class _MortalStore(_Mortal):
    async def commit(self, writes: list[Write]) -> Revision:
        async def happen() -> Revision:
            return cast(Revision, await self._inner.commit(writes))

        return await self._fate.event(COMMIT, happen)

    def __getattr__(self, name: str) -> Any:
        self._fate.check()
        return getattr(self._inner, name)


class _MortalAgents(_Mortal):
    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            return await self._fate.event(name, lambda: method(*arguments, **named))

        return call


def mortal_store(store: CloudStore, fate: Fate) -> CloudStore:
    return cast(CloudStore, _MortalStore(store, fate))


def mortal_agents(agents: Agents, fate: Fate) -> Agents:
    return cast(Agents, _MortalAgents(agents, fate))
