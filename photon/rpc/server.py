"""The called side: serves any number of connections, each call in a task of its own."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from thriftpy2.thrift import TApplicationException

from photon.rpc.errors import BadArguments, MalformedMessage, UnknownMethod
from photon.rpc.frames import FrameCutter
from photon.rpc.messages import Messages, UnservableCall
from photon.rpc.network import Listening, Network
from photon.rpc.outbox import Outbox
from photon.rpc.service import Method, Service

CONNECTIONS_MAX = 256  # One per controller and one more each while they are replaced.
RUNNING_PER_CONNECTION_MAX = 256  # Beyond it the socket is not read: TCP tells the caller to wait.
RUNNING_MAX = 4096  # Of all connections, lost ones too: a call outlives its caller's connection.
CALL_BYTES_MAX = 1 << 20  # The largest call carries one VM's specification, a few KiB.
CALL_ELEMENTS_MAX = 20_000  # Of lists and maps in one call: a specification has some dozens.
IDLE_SECONDS = 300.0  # Controllers poll every few seconds; who is silent so long is gone.
PARTIAL_FRAME_SECONDS = 30.0  # The rest of a call that has begun to come.
SWEEP_SECONDS = 10.0  # How often the two above are looked at.

_logger = logging.getLogger(__name__)

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class ServerLimits:
    """How much one server takes on."""

    connections_max: int = CONNECTIONS_MAX
    running_per_connection_max: int = RUNNING_PER_CONNECTION_MAX
    running_max: int = RUNNING_MAX
    call_bytes_max: int = CALL_BYTES_MAX
    idle_seconds: float = IDLE_SECONDS
    partial_frame_seconds: float = PARTIAL_FRAME_SECONDS
    sweep_seconds: float = SWEEP_SECONDS


class Server:
    """Answers the calls of one service with `handlers`: a coroutine function for each method."""

    def __init__(
        self, service: Service, handlers: Mapping[str, Handler], limits: ServerLimits | None = None
    ) -> None:
        assert handlers.keys() == service.methods.keys(), service.methods.keys() ^ handlers.keys()
        self.service = service
        self.handlers = handlers
        self.limits = limits or ServerLimits()
        self.connections: dict[ServerConnection, None] = {}  # in the order of coming
        self._calls: dict[int, asyncio.Task[None]] = {}  # by number
        self._begun = 0
        self._hungry: dict[ServerConnection, None] = {}
        self._listening: Listening | None = None
        self._sweeping: asyncio.Task[None] | None = None

    async def start(self, network: Network, endpoint: str) -> str:
        """Listens; the answer is the real `host:port`. OSError if it cannot."""
        self._listening = await network.listen(endpoint, lambda: ServerConnection(self))
        self._sweeping = asyncio.create_task(self._sweep())
        return self._listening.endpoint

    async def stop(self, grace_seconds: float) -> None:
        """Takes nothing new, lets running calls end for `grace_seconds`, then cuts them off."""
        if self._listening is not None:
            await self._listening.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
        for connection in self.connections:
            connection.stop_reading()
        if self._calls:
            _, unfinished = await asyncio.wait(list(self._calls.values()), timeout=grace_seconds)
            for call in unfinished:
                call.cancel()
            await asyncio.gather(*unfinished, return_exceptions=True)
        await asyncio.sleep(0)  # One turn, so that the last answers leave the outbox.
        for connection in list(self.connections):
            connection.close()

    def run(self, call: Callable[[int], Coroutine[Any, Any, None]]) -> None:
        """`call` is given a number, and says `ran` with it when it has run. Not as a callback of
        its task, for which asyncio would take another turn."""
        self._begun += 1
        self._calls[self._begun] = asyncio.create_task(call(self._begun))

    def has_room(self, connection: ServerConnection) -> bool:
        """If it has none, `connection.go_on` is called when it has."""
        if len(self._calls) < self.limits.running_max:
            return True
        self._hungry[connection] = None
        return False

    def ran(self, number: int) -> None:
        del self._calls[number]
        if self._hungry:
            hungry, self._hungry = self._hungry, {}
            for connection in hungry:
                connection.go_on()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(self.limits.sweep_seconds)
            now = asyncio.get_running_loop().time()
            for connection in list(self.connections):
                connection.close_if_stale(now)


class ServerConnection(asyncio.Protocol):
    """One caller. Its calls go on when it is lost: their effects are wanted, their answers not."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._limits = server.limits
        self._messages = Messages(server.service)
        self._cutter = FrameCutter(self._limits.call_bytes_max)
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[bytes] = deque()
        self._running = 0
        self._answered = 0
        self._heard_at = self._loop.time()
        self._part_since: float | None = None
        self._writable = True
        self._stopped = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: uvloop's transports are asyncio.Transport in all but name.
        self._transport = cast("asyncio.Transport", transport)
        self._outbox = Outbox(self._transport)
        if len(self._server.connections) >= self._limits.connections_max:
            _logger.warning(
                "a caller was turned away: no more than %d may be connected",
                self._limits.connections_max,
            )
            self._transport.abort()
            return
        self._server.connections[self] = None

    def data_received(self, received: bytes) -> None:
        self._heard_at = now = self._loop.time()
        try:
            frames = self._cutter.cut(received)
            if not self._cutter.has_part_of_a_frame:
                self._part_since = None
            elif frames or self._part_since is None:
                self._part_since = now
            self._waiting.extend(frames)
            self._start_calls()
        except MalformedMessage as problem:
            _logger.warning("a caller was cut off: %s", problem)
            self._transport.abort()

    def pause_writing(self) -> None:
        # Who does not read answers gets to ask nothing more.
        self._writable = False
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._writable = True
        self.go_on()

    def connection_lost(self, problem: Exception | None) -> None:
        self._stopped = True
        self._waiting.clear()
        self._server.connections.pop(self, None)

    # What the server asks

    def stop_reading(self) -> None:
        self._stopped = True
        self._waiting.clear()
        self._transport.pause_reading()

    def close(self) -> None:
        self._transport.close()

    def close_if_stale(self, now: float) -> None:
        """Cuts off who has said nothing for long, or never ends what was begun."""
        idle = not self._running and now - self._heard_at > self._limits.idle_seconds
        since = self._part_since
        if idle or (since is not None and now - since > self._limits.partial_frame_seconds):
            self._transport.abort()

    # Calls

    def _start_calls(self) -> None:
        running_max = self._limits.running_per_connection_max
        while self._waiting and self._running < running_max and not self._stopped:
            if not self._server.has_room(self):
                break
            self._start(self._waiting.popleft())
        if self._waiting:
            self._transport.pause_reading()

    def _start(self, frame: bytes) -> None:
        try:
            method, sequence, arguments = self._messages.read_call(frame, CALL_ELEMENTS_MAX)
        except UnservableCall as call:
            self._answer(self._messages.fault(call.name, call.sequence, _fault(call.reason)))
            return
        self._running += 1
        self._server.run(partial(self._serve, method, sequence, arguments))

    async def _serve(
        self, method: Method, sequence: int, arguments: list[Any], number: int
    ) -> None:
        try:
            result = await self._result(method, arguments)
            self._answer(self._encode(method, sequence, result))
        finally:
            self._server.ran(number)
        self.go_on()

    async def _result(self, method: Method, arguments: list[Any]) -> Any:
        result = method.result()
        try:
            answer = await self._server.handlers[method.name](*arguments)
            if method.returns:
                result.success = answer
        except BadArguments as problem:
            result = _fault(problem)
        except Exception as problem:  # The edge of the server: no call may end it.
            if not _declared(method, result, problem):
                _logger.exception("%s failed", method.name)
                result = _fault(problem)
        finally:
            self._running -= 1
        return result

    def _encode(self, method: Method, sequence: int, result: Any) -> bytes:
        if isinstance(result, TApplicationException):
            return self._messages.fault(method.name, sequence, result)
        try:
            return self._messages.reply(method, sequence, result)
        except BadArguments as problem:
            _logger.exception("the answer of %s cannot be sent", method.name)
            return self._messages.fault(method.name, sequence, _fault(RuntimeError(str(problem))))

    def _answer(self, frame: bytes) -> None:
        self._answered += 1
        self._outbox.put(self._answered, frame)

    def go_on(self) -> None:
        """Starts what waits, and reads on if nothing does."""
        if self._stopped or self._transport.is_closing():
            return
        try:
            self._start_calls()
        except MalformedMessage as problem:
            _logger.warning("a caller was cut off: %s", problem)
            self._transport.abort()
            return
        if self._writable and not self._waiting:
            self._transport.resume_reading()


def _declared(method: Method, result: Any, problem: Exception) -> bool:
    """Puts an exception that the thrift file declares into the result."""
    for member, kind in method.exceptions:
        if isinstance(problem, kind):
            setattr(result, member, problem)
            return True
    return False


def _fault(problem: Exception) -> TApplicationException:
    """What a caller may know: of our own mistakes, only that there was one."""
    match problem:
        case UnknownMethod():
            return TApplicationException(TApplicationException.UNKNOWN_METHOD, str(problem))
        case BadArguments():
            return TApplicationException(TApplicationException.PROTOCOL_ERROR, str(problem))
        case _:
            return TApplicationException(
                TApplicationException.INTERNAL_ERROR, "the call failed: see the server's log"
            )
