"""A ZooKeeper ensemble in memory: sessions with a timeout, and nodes that die with them.

ZooKeeperCoordination runs upon it as it is. What is simplified: the ensemble is as one server, so
that every read is as new as can be.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, ParamSpec, TypeVar

from photon.coordination.ensemble import Ensemble
from photon.coordination.errors import CoordinationUnavailable
from photon.coordination.session import Found, NodeSession, OpenSession
from photon.simulation.line import Line, Service, later

CALL_SECONDS: Final = 5.0  # As in earnest (photon.coordination.zookeeper_session).
START_SECONDS: Final = 15.0  # As in earnest.
PINGS_A_SESSION: Final = 3  # As kazoo: after two thirds without an answer it looks for a server.
RECONNECT_SECONDS: Final = 0.1  # As kazoo's first pause; the lease is far longer.

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


class SessionExpired(Exception):
    """The ensemble has ended the session, and all that lived with it."""


class NoSuchNode(Exception):
    """The node, or the one above a new one, is not there. Our caller's bug for the latter."""


@dataclass(slots=True)
class _Node:
    found: Found
    next_number: int = 0  # of its children that are numbered
    children: dict[str, None] = field(default_factory=dict)
    watched_by: dict[int, None] = field(default_factory=dict)  # sessions


@dataclass(slots=True)
class _Held:
    """A session, as the ensemble has it."""

    name: str  # of the process
    seconds: float
    heard_at: float
    fire: Callable[[], None]
    nodes: dict[str, None] = field(default_factory=dict)
    line: Line | None = None


class SimulatedEnsemble:
    """`service` says how it is reached. Its time is the loop's."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._transaction = 0
        self._nodes: dict[str, _Node] = {"": _Node(Found(b"", 0, 0))}
        self._sessions: dict[int, _Held] = {}

    def sessions_of(self, name: str) -> OpenSession:
        """Opens sessions for the process `name`."""

        def open_session(
            ensemble: Ensemble,
            seconds: float,
            changed: Callable[[], None],
            ended: Callable[[], None],
        ) -> NodeSession:
            self.service.forget(name)
            return SimulatedSession(self, name, seconds, _Told(changed, ended))

        return open_session

    def expire(self, name: str) -> None:
        """Ends every session of the process `name`, as if it had been silent."""
        for id, held in tuple(self._sessions.items()):
            if held.name == name:
                self.end(id)

    def is_there(self, path: str) -> bool:
        """Whether there is such a node now."""
        return path in self._nodes

    # What sessions ask of it

    async def begin(self, line: Line, seconds: float, fire: Callable[[], None]) -> int:
        self._transaction += 1
        held = _Held(line.name, seconds, self._now(), fire, line=line)
        self._sessions[self._transaction] = held
        later(seconds, self._look_at, self._transaction)
        return self._transaction

    async def attach(self, id: int, line: Line) -> None:
        """Goes on with a session on a new line: its watches are gone."""
        held = self._heard(id)
        if held.line is not None and held.line is not line:
            held.line.drop()
        held.line = line
        for node in self._nodes.values():
            node.watched_by.pop(id, None)

    async def ping(self, id: int) -> None:
        self._heard(id)

    async def finish(self, id: int) -> None:
        self.end(id)

    async def create(self, id: int, path: str, value: bytes, *, lasts: bool, number: bool) -> None:
        held = self._heard(id)
        parent, _, name = path.rpartition("/")
        above = self._nodes.get(parent)
        if above is None:
            raise NoSuchNode(parent)
        if number:
            path, name = f"{path}{above.next_number:010}", f"{name}{above.next_number:010}"
            above.next_number += 1
        if path in self._nodes:
            return
        self._transaction += 1
        self._nodes[path] = _Node(Found(value, self._transaction, 0 if lasts else id))
        if not lasts:
            held.nodes[path] = None
        above.children[name] = None
        self._fire(above)

    async def delete(self, id: int, path: str) -> None:
        self._heard(id)
        self._remove(path)

    async def find(self, id: int, path: str) -> Found | None:
        self._heard(id)
        node = self._nodes.get(path)
        return None if node is None else node.found

    async def children(self, id: int, path: str) -> list[str]:
        self._heard(id)
        node = self._nodes.get(path)
        if node is None:
            raise NoSuchNode(path)
        node.watched_by[id] = None
        return sorted(node.children)

    # Its own

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _heard(self, id: int) -> _Held:
        held = self._sessions.get(id)
        if held is None:
            raise SessionExpired(f"session {id} is over")
        held.heard_at = self._now()
        return held

    def _look_at(self, id: int) -> None:
        held = self._sessions.get(id)
        if held is None:
            return
        # Without a quorum nobody's session ends, and a new leader gives everybody all its time.
        since = max(held.heard_at, self.service.well_since())
        left = since + held.seconds - self._now()
        if left <= 0:
            self.end(id)
        else:
            later(left, self._look_at, id)

    def end(self, id: int) -> None:
        """The session is over; who holds it hears of that with its next question."""
        held = self._sessions.pop(id, None)
        if held is None:
            return
        self._transaction += 1
        for path in held.nodes:
            self._remove(path)
        for node in self._nodes.values():
            node.watched_by.pop(id, None)

    def _remove(self, path: str) -> None:
        node = self._nodes.pop(path, None)
        if node is None:
            return
        owner = self._sessions.get(node.found.session_id)
        if owner is not None:
            owner.nodes.pop(path, None)
        parent, _, name = path.rpartition("/")
        above = self._nodes[parent]
        del above.children[name]
        self._fire(above)

    def _fire(self, node: _Node) -> None:
        watching, node.watched_by = node.watched_by, {}
        for id in watching:
            held = self._sessions.get(id)
            if held is None or held.line is None or held.line.broken:
                continue
            if not self.service.is_cut(held.name):
                later(self.service.seconds(), held.fire)


@dataclass(frozen=True, slots=True)
class _Told:
    changed: Callable[[], None]
    ended: Callable[[], None]


class SimulatedSession:
    """See NodeSession: a client that pings, reconnects, and is told when its session is over."""

    def __init__(self, ensemble: SimulatedEnsemble, name: str, seconds: float, told: _Told) -> None:
        self._ensemble = ensemble
        self._name = name
        self._told = told
        self._line: Line | None = None
        self._attached = asyncio.Event()
        self._over = False
        self._keeping: asyncio.Task[None] | None = None
        self.session_seconds = seconds
        self.id = 0

    async def start(self) -> None:
        try:
            async with asyncio.timeout(START_SECONDS):
                line = await self._connected()
        except TimeoutError as problem:
            raise CoordinationUnavailable("No server of the ensemble took a session.") from problem
        self._line = line
        self._attached.set()
        self._keeping = asyncio.create_task(self._keep(), name="simulated-session")

    async def _connected(self) -> Line:
        """On a line of its own, with a session."""
        while True:
            try:
                line = await self._ensemble.service.line(self._name)
                seconds, fire = self.session_seconds, self._fired
                self.id = await line.ask(self._ensemble.begin, line, seconds, fire)
                return line
            except OSError:
                await asyncio.sleep(RECONNECT_SECONDS)

    def _fired(self) -> None:
        if not self._over:
            self._told.changed()

    async def stop(self) -> None:
        over, self._over = self._over, True
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        line = self._line
        if line is None or over:
            return
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await line.ask(self._ensemble.finish, self.id)
        except (OSError, TimeoutError):
            log.info("the session was not closed in time; it ends by itself")
        line.drop()

    # Calls

    async def create(self, path: str, value: bytes, *, sequence: bool = False) -> None:
        create = self._ensemble.create
        await self._call(create, self.id, path, value, lasts=False, number=sequence)

    async def ensure(self, path: str) -> None:
        parts = path.strip("/").split("/")
        for end in range(1, len(parts) + 1):
            node = "/" + "/".join(parts[:end])
            create = self._ensemble.create
            await self._call(create, self.id, node, b"", lasts=True, number=False)

    async def delete(self, path: str) -> None:
        await self._call(self._ensemble.delete, self.id, path)

    async def find(self, path: str) -> Found | None:
        return await self._call(self._ensemble.find, self.id, path)

    async def exists(self, path: str) -> bool:
        return await self.find(path) is not None

    async def children(self, path: str) -> list[str]:
        return await self._call(self._ensemble.children, self.id, path)

    async def sync(self, path: str) -> None:
        await self._call(self._ensemble.ping, self.id)

    async def _call(self, serve: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        if self._over:
            raise CoordinationUnavailable("The session is over.")
        try:
            async with asyncio.timeout(CALL_SECONDS):
                await self._attached.wait()
                assert self._line is not None
                return await self._line.ask(serve, *args, **kwargs)
        except SessionExpired as problem:
            self._expired()
            raise CoordinationUnavailable(str(problem)) from problem
        except (OSError, TimeoutError) as problem:
            raise CoordinationUnavailable(f"The ensemble does not answer: {problem!r}") from problem

    # The session's own life

    async def _keep(self) -> None:
        while not self._over:
            await asyncio.sleep(self.session_seconds / PINGS_A_SESSION)
            try:
                async with asyncio.timeout(self.session_seconds / PINGS_A_SESSION):
                    assert self._line is not None
                    await self._line.ask(self._ensemble.ping, self.id)
            except SessionExpired:
                self._expired()
            except (OSError, TimeoutError):
                await self._again()

    async def _again(self) -> None:
        """The line broke, or is silent: another one is sought until the session is had or over."""
        self._attached.clear()
        if self._line is not None:
            self._line.drop()
        self._told.changed()
        while not self._over:
            try:
                line = await self._ensemble.service.line(self._name)
                async with asyncio.timeout(CALL_SECONDS):
                    await line.ask(self._ensemble.attach, self.id, line)
            except SessionExpired:
                self._expired()
                return
            except (OSError, TimeoutError):
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            self._line = line
            self._attached.set()
            self._told.changed()
            return

    def _expired(self) -> None:
        if self._over:
            return
        self._over = True
        self._attached.set()
        self._told.ended()
