"""One session with a ZooKeeper ensemble: kazoo's threads, seen from an event loop.

Kazoo answers in threads of its own; each answer is handed to the loop. Nothing here blocks it, and
calls are bounded in number and in time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from kazoo import exceptions  # type: ignore[import-untyped]  # kazoo has no types
from kazoo.client import KazooClient, KazooState  # type: ignore[import-untyped]  # kazoo has no types
from kazoo.handlers.threading import (  # type: ignore[import-untyped]  # kazoo has no types
    SequentialThreadingHandler,
)
from kazoo.security import make_digest_acl  # type: ignore[import-untyped]  # kazoo has no types

from photon.coordination.ensemble import Ensemble
from photon.coordination.errors import CoordinationUnavailable
from photon.coordination.session import Found

CALLS_MAX: Final = 64  # On their way at once; a look asks for some dozens.
CALL_SECONDS: Final = 5.0  # A server that does not answer is left by kazoo before that.
START_SECONDS: Final = 15.0  # A start that takes longer should rather fail and say so.
STOP_SECONDS: Final = 5.0  # Beyond it the session ends by itself.
# A server that is cut off does not even refuse: the others must be asked while the session lasts.
CONNECT_SECONDS_MIN: Final = 0.5  # A busy machine, and TLS.
CONNECTS_A_SESSION: Final = 8
SILENT_SHARE: Final = 0.5  # Of a session: then the connection is given up, and the rest is left.
RETRY: Final = {"max_tries": -1, "delay": 0.1, "backoff": 2, "max_delay": 2.0}

_AWAY: Final = (
    exceptions.ConnectionLoss,
    exceptions.ConnectionClosedError,
    exceptions.SessionExpiredError,
    exceptions.OperationTimeoutError,
    exceptions.AuthFailedError,
    exceptions.SystemZookeeperError,
)

log = logging.getLogger(__name__)


class ZooKeeperSession:
    """See NodeSession, and OpenSession for its arguments."""

    def __init__(
        self,
        ensemble: Ensemble,
        session_seconds: float,
        changed: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self._ensemble = ensemble
        self._changed = changed
        self._ended = ended
        self._room = asyncio.Semaphore(CALLS_MAX)
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self.session_seconds = session_seconds
        self._client = _client_of(ensemble, session_seconds)
        self._client.add_listener(self._state_changed)
        self._learn_timeout()

    @property
    def id(self) -> int:
        session_id: int = self._client.client_id[0]
        return session_id

    async def start(self) -> None:
        try:
            await asyncio.to_thread(self._client.start, START_SECONDS)
            # With an answer in hand, it is known too how long a session was granted.
            await self._call(lambda: self._client.exists_async("/"))
        except Exception as problem:  # Of kazoo's handlers, each has a timeout error of its own.
            await self.stop()
            raise CoordinationUnavailable(
                f"No ZooKeeper server of {self._ensemble.servers} took a session: {problem!r}. "
                "Check that they run, and the settings of coordination."
            ) from problem

    async def stop(self) -> None:
        self._closing = True
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await asyncio.to_thread(self._stop)
        except TimeoutError:
            log.warning("the ZooKeeper session was not closed in time; it ends by itself")

    def _stop(self) -> None:
        self._client.stop()
        self._client.close()

    # Calls

    async def create(self, path: str, value: bytes, *, sequence: bool = False) -> None:
        try:
            await self._call(
                lambda: self._client.create_async(
                    self._at(path), value, ephemeral=True, sequence=sequence
                )
            )
        except exceptions.NodeExistsError:
            return

    async def ensure(self, path: str) -> None:
        parts = self._at(path).strip("/").split("/")
        for end in range(1, len(parts) + 1):
            node = "/" + "/".join(parts[:end])
            try:
                await self._call(partial(self._client.create_async, node, b""))
            except exceptions.NodeExistsError:
                continue

    async def delete(self, path: str) -> None:
        try:
            await self._call(lambda: self._client.delete_async(self._at(path)))
        except exceptions.NoNodeError:
            return

    async def find(self, path: str) -> Found | None:
        try:
            value, stat = await self._call(lambda: self._client.get_async(self._at(path)))
        except exceptions.NoNodeError:
            return None
        return Found(value, stat.czxid, stat.ephemeralOwner or 0)

    async def exists(self, path: str) -> bool:
        return await self._call(lambda: self._client.exists_async(self._at(path))) is not None

    async def children(self, path: str) -> list[str]:
        watch = self._node_changed
        names = await self._call(lambda: self._client.get_children_async(self._at(path), watch))
        return sorted(names)

    async def sync(self, path: str) -> None:
        await self._call(lambda: self._client.sync_async(self._at(path)))

    def _at(self, path: str) -> str:
        return self._ensemble.root + path

    async def _call(self, ask: Callable[[], Any]) -> Any:
        """Raises CoordinationUnavailable, or the refusal of the ensemble."""
        answered: asyncio.Future[Any] = self._loop.create_future()
        try:
            async with asyncio.timeout(CALL_SECONDS), self._room:
                ask().rawlink(lambda result: self._hand_over(_settle, answered, result))
                return await answered
        except (TimeoutError, *_AWAY) as problem:
            raise CoordinationUnavailable(f"ZooKeeper does not answer: {problem!r}") from problem

    # From kazoo's threads

    def _hand_over(self, act: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(act, *arguments)
        except RuntimeError:  # The loop is closed: the process ends.
            log.debug("an answer came after the end")

    def _node_changed(self, event: object) -> None:
        self._hand_over(self._changed)

    def _state_changed(self, state: str) -> None:
        self._hand_over(self._take_state, state)

    def _take_state(self, state: str) -> None:
        if self._closing:
            return
        if state == KazooState.LOST:
            self._closing = True  # Kazoo would go on in a new session: it is nobody's.
            self._ended()
        else:
            self._changed()  # Watches do not survive a change of connection.

    def _learn_timeout(self) -> None:
        """The servers may grant less than was asked for; kazoo keeps that to itself.

        Its handler of connections answers, for each one that it makes, with the time after which
        silence is a lost connection: two thirds of what was granted.
        """
        handler = self._client._connection
        connect = handler._connect

        def connect_and_learn(*arguments: Any) -> Any:
            silent_ms, answer_ms = connect(*arguments)
            self.session_seconds = silent_ms * 1.5 / 1000
            return self.session_seconds * 1000 * SILENT_SHARE, answer_ms

        handler._connect = connect_and_learn


class _Handler(SequentialThreadingHandler):  # type: ignore[misc]  # kazoo has no types
    """Kazoo's own, but for how long it waits for a server that does not even refuse.

    By itself that is as long as a session: one server that is cut off would end the sessions of all
    who happen to try it first, though the others serve.
    """

    def create_connection(self, *arguments: Any, timeout: float, **named: Any) -> Any:
        seconds = max(CONNECT_SECONDS_MIN, timeout / CONNECTS_A_SESSION)
        return super().create_connection(*arguments, timeout=min(timeout, seconds), **named)


def _client_of(ensemble: Ensemble, session_seconds: float) -> Any:
    user, password = ensemble.user, ensemble.password
    return KazooClient(
        hosts=ensemble.servers,
        timeout=session_seconds,
        handler=_Handler(),
        connection_retry=dict(RETRY),
        auth_data=[("digest", f"{user}:{password}")] if user else None,
        default_acl=[make_digest_acl(user, password, all=True)] if user else None,
        use_ssl=ensemble.ca is not None,
        ca=None if ensemble.ca is None else str(ensemble.ca),
        certfile=None if ensemble.certificate is None else str(ensemble.certificate),
        keyfile=None if ensemble.key is None else str(ensemble.key),
        check_hostname=ensemble.ca is not None,
        logger=logging.getLogger("kazoo"),
    )


def _settle(answered: asyncio.Future[Any], result: Any) -> None:
    if answered.done():  # Nobody waits for it any more.
        return
    if result.exception is None:
        answered.set_result(result.value)
    else:
        answered.set_exception(result.exception)
