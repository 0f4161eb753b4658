"""The calling side of one connection: many calls in flight, answered in any order."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any, cast

from thriftpy2.thrift import TApplicationException

from photon.rpc.errors import (
    CallTimedOut,
    ConnectionLost,
    MalformedMessage,
    PeerFault,
)
from photon.rpc.frames import FrameCutter
from photon.rpc.messages import Messages
from photon.rpc.network import Network
from photon.rpc.outbox import Outbox
from photon.rpc.service import Method, Service
from photon.rpc.tls import in_words

CALLS_IN_FLIGHT_MAX = 512  # Twice what a server runs at once, so that it never idles for us.
CALLS_WAITING_MAX = 4096  # More than that and the other side is not slow but gone.
ANSWER_BYTES_MAX = 16 << 20  # A page of full reports is about 2 MiB; an inventory less.
_SEQUENCE_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class CallLimits:
    """How much one connection may hold at a time."""

    in_flight_max: int = CALLS_IN_FLIGHT_MAX
    waiting_max: int = CALLS_WAITING_MAX
    answer_bytes_max: int = ANSWER_BYTES_MAX


async def connect(
    network: Network, endpoint: str, service: Service, limits: CallLimits | None = None
) -> Connection:
    """A connection ready for calls. ConnectFailed if there is none to be had."""
    chosen = limits or CallLimits()
    return await network.connect(endpoint, lambda: Connection(service, endpoint, chosen))


class Connection(asyncio.Protocol):
    """Made by `connect`. It is used until it is lost; whoever wants to go on makes another."""

    def __init__(self, service: Service, endpoint: str, limits: CallLimits) -> None:
        self._methods = service.methods
        self._messages = Messages(service)
        self._endpoint = endpoint
        self._limits = limits
        self._cutter = FrameCutter(limits.answer_bytes_max)
        self._loop = asyncio.get_running_loop()
        self._futures: dict[int, asyncio.Future[Any]] = {}
        self._in_flight: dict[int, Method] = {}
        self._turnstile: deque[asyncio.Future[None]] = deque()
        self._sequence = 0
        self._writable = True
        self._answers = 0
        self._lost: str | None = None

    @property
    def is_open(self) -> bool:
        return self._lost is None

    @property
    def is_idle(self) -> bool:
        return not self._in_flight and not self._turnstile

    def close(self) -> None:
        """Ends the connection; calls in flight fail with ConnectionLost."""
        self._end("it was closed on this side")

    async def call(self, name: str, arguments: tuple[Any, ...], timeout_seconds: float) -> Any:
        """The method's result, or None if it returns nothing.

        Raises:
            CallFailed: no answer; the subclass says why, `may_have_run` whether it may have run.
            BadArguments: they do not fit the thrift file.
            Exception: one that the thrift file declares for the method.
        """
        method = self._methods[name]
        if self._lost is None and not self._has_room():
            await self._wait_for_room(timeout_seconds)
        if self._lost is not None:
            raise self._loss(may_have_run=False)
        sequence = self._next_sequence()
        frame = self._messages.call(method, sequence, arguments)
        future: asyncio.Future[Any] = self._loop.create_future()
        self._futures[sequence] = future
        self._in_flight[sequence] = method
        self._outbox.put(sequence, frame)
        timer = self._loop.call_later(timeout_seconds, self._expire, sequence, self._answers)
        try:
            return _outcome(method, await future)
        finally:
            timer.cancel()
            self._futures.pop(sequence, None)
            self._in_flight.pop(sequence, None)
            self._outbox.take_back(sequence)
            self._let_in()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not asserted: uvloop's transports are asyncio.Transport in all but name.
        self._transport = cast("asyncio.Transport", transport)
        self._outbox = Outbox(self._transport)

    def data_received(self, received: bytes) -> None:
        try:
            for frame in self._cutter.cut(received):
                sequence, result = self._messages.read_reply(frame, self._in_flight)
                self._answers += 1
                future = self._futures.get(sequence)
                if future is not None and not future.done():
                    future.set_result(result)
        except MalformedMessage as problem:
            self._end(f"it sent what is no answer: {problem}")

    def pause_writing(self) -> None:
        self._writable = False

    def resume_writing(self) -> None:
        self._writable = True
        self._let_in()

    def connection_lost(self, problem: Exception | None) -> None:
        if isinstance(problem, ssl.SSLError):
            # With TLS 1.3 a server looks at its caller's certificate when the caller is content.
            self._end(in_words(self._endpoint, problem))
            return
        why = f"it was lost: {problem}" if problem else "the other side closed it"
        self._end(why if self._answers else f"{why}, and had said nothing; {self._doubt()}")

    def _doubt(self) -> str:
        """The alert that would say so is lost where the other side resets the connection."""
        if self._transport.get_extra_info("ssl_object") is not None:
            return "does it trust the certificate of this side?"
        return "does it want TLS?"

    # How a connection ends, and who may enter

    def _end(self, why: str) -> None:
        if self._lost is not None:
            return
        self._lost = why
        for sequence, future in self._futures.items():
            unsent = self._outbox.take_back(sequence)
            if not future.done():
                future.set_exception(self._loss(may_have_run=not unsent))
        for waiting in self._turnstile:
            if not waiting.done():
                waiting.set_result(None)
        self._transport.abort()

    def _loss(self, *, may_have_run: bool) -> ConnectionLost:
        return ConnectionLost(
            f"the connection to {self._endpoint} is gone: {self._lost}", may_have_run=may_have_run
        )

    def _expire(self, sequence: int, answers_when_sent: int) -> None:
        future = self._futures.get(sequence)
        if future is None or future.done():
            return
        unsent = self._outbox.take_back(sequence)
        message = f"{self._endpoint} did not answer in time"
        future.set_exception(CallTimedOut(message, may_have_run=not unsent))
        if self._answers == answers_when_sent:
            # Not one answer to anybody since this was sent: the path may be dead, and TCP would
            # need a quarter of an hour to notice.
            self._end("it has been silent for the whole of a call's time")

    def _next_sequence(self) -> int:
        while True:
            self._sequence = self._sequence % _SEQUENCE_MAX + 1
            if self._sequence not in self._in_flight:
                return self._sequence

    def _has_room(self) -> bool:
        return self._writable and len(self._in_flight) < self._limits.in_flight_max

    async def _wait_for_room(self, timeout_seconds: float) -> None:
        if len(self._turnstile) >= self._limits.waiting_max:
            raise CallTimedOut(
                f"too many calls wait for {self._endpoint} already", may_have_run=False
            )
        waiting: asyncio.Future[None] = self._loop.create_future()
        self._turnstile.append(waiting)
        try:
            async with asyncio.timeout(timeout_seconds):
                await waiting
        except TimeoutError as problem:
            message = f"the call to {self._endpoint} could not be sent in time"
            raise CallTimedOut(message, may_have_run=False) from problem

    def _let_in(self) -> None:
        room = self._limits.in_flight_max - len(self._in_flight)
        while room > 0 and self._writable and self._turnstile:
            waiting = self._turnstile.popleft()
            if not waiting.done():
                waiting.set_result(None)
                room -= 1


def _outcome(method: Method, result: Any) -> Any:
    if isinstance(result, TApplicationException):
        raise PeerFault(result.type or 0, result.message or "the call was refused without a word")
    for member, _ in method.exceptions:
        declared = getattr(result, member)
        if declared is not None:
            raise declared
    if not method.returns:
        return None
    if result.success is None:
        raise PeerFault(TApplicationException.MISSING_RESULT, f"{method.name} answered nothing")
    return result.success
