"""The two ends of a simulated connection, and the pipe from each to the other.

What is written at once arrives at once, after what was written before it, as TCP has it: a loss is
a delay of all that follows, or the end of the connection. Where the conditions say so, single
frames come twice, or are overtaken: harsher than TCP, and what its users see who call again.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from struct import Struct
from typing import Any, Final

from photon.rpc.frames import LENGTH_BYTES
from photon.simulation.conditions import Conditions, Link
from photon.simulation.process import Process
from photon.simulation.trace import Trace

_LENGTH: Final = Struct(">I").unpack_from
# As Linux does by default, about: what is not acknowledged is sent again, at growing intervals.
RESEND_FIRST_SECONDS: Final = 0.2
RESEND_LAST_SECONDS: Final = 30.0  # When the next interval would be longer, the connection ends.
# A frame that is lost comes late, with all after it; or the whole connection is gone.
LOSSES_THAT_BREAK: Final = 0.3
RESENT_SECONDS_MAX: Final = 3.0  # After three losses of the same segment.
BROKEN_SECONDS_MAX: Final = 15.0  # Keep-alive and timeouts of the kernel, as servers set them.
# So much may be on its way before a writer is told to wait: a socket's two buffers.
UNREAD_BYTES_MAX: Final = 1 << 20
# Of a stream: as small as Linux may make them, so that who writes soon feels a reader who rests.
HTTP_UNREAD_BYTES_MAX: Final = 4 << 10


@dataclass(frozen=True, slots=True)
class Manner:
    """What is spoken on a connection. `framed`: single frames may come twice, or late; else it is
    as TCP is. `unread_bytes_max`: so much may be on its way before a writer is told to wait."""

    framed: bool = True
    unread_bytes_max: int = UNREAD_BYTES_MAX


RPC: Final = Manner()
HTTP: Final = Manner(framed=False, unread_bytes_max=HTTP_UNREAD_BYTES_MAX)


class Weather:
    """What all pipes of a network share."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, random: Random, conditions: Conditions, trace: Trace
    ) -> None:
        self.loop = loop
        self.random = random
        self.conditions = conditions
        self.trace = trace
        # Told who sends something to whom, before it is on its way.
        self.watchers: list[Callable[[str, str], None]] = []

    def delay_seconds(self, source: str, target: str) -> float:
        """Of one crossing; drawn."""
        link = self.conditions.link(source, target)
        spread = link.delay_max_seconds - link.delay_min_seconds
        drawn = link.delay_min_seconds + spread * self.random.random()
        return drawn + self.conditions.slowness(source, target)


class End(asyncio.Transport):
    """A program's end of a connection."""

    def __init__(self, process: Process, weather: Weather, manner: Manner = RPC) -> None:
        super().__init__()
        self.process = process
        self.manner = manner
        self.other: End
        self.when_closed: Callable[[End], None] = lambda _: None
        self._weather = weather
        self._wire: asyncio.Protocol | None = None
        self._closing = False
        self._paused = False
        self._unread: deque[bytes] = deque()  # came before there was a protocol, or while paused
        self._stalled: deque[bytes] = deque()  # on their way to here, and do not come through
        self._resend_seconds = RESEND_FIRST_SECONDS
        self._last_due = 0.0  # when the last of what is on its way to here arrives
        self._bytes_out = 0  # written here, and not yet read by the other's protocol
        self._writer_waits = False
        self.waits_since = 0.0  # when the writer here was told to wait, if it waits
        self._broken = False  # nothing comes to here any more, and nobody has noticed yet

    def attach(self, wire: asyncio.Protocol) -> None:
        """The protocol of this end, called in its own process."""
        self._wire = wire
        wire.connection_made(self)
        self._read_on()

    # What protocols ask

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        if self._closing:
            return
        chunk = bytes(data)
        self._bytes_out += len(chunk)
        if self._bytes_out > self.manner.unread_bytes_max and not self._writer_waits:
            self._writer_waits = True
            self.waits_since = self._weather.loop.time()
            self.process.call_soon(self._pause_writer)
        self.other.send_here(chunk)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self.process.call_soon(self._lost, None)
            self.other.end_here(None)

    def abort(self) -> None:
        if not self._closing:
            self._closing = True
            self.process.call_soon(self._lost, None)
            self.other.end_here(ConnectionResetError("the other side reset the connection"))

    def is_closing(self) -> bool:
        return self._closing

    @property
    def writer_waits(self) -> bool:
        """Whether what is written here has met its bound, and is not read."""
        return self._writer_waits and not self._closing

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        if self._paused:
            self._paused = False
            if self._unread:
                self.process.call_soon(self._read_on)

    def is_reading(self) -> bool:
        return not self._paused and not self._closing

    def get_write_buffer_size(self) -> int:
        return self._bytes_out

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default

    # On the way to this end

    def send_here(self, chunk: bytes) -> None:
        """The other end wrote this."""
        weather = self._weather
        source, target = self.other.process.name, self.process.name
        for watch in weather.watchers:
            watch(source, target)
        if self._broken:
            return
        if not self.process.alive:
            # Its machine knows nothing of the connection any more; if it is up, it says so.
            if not weather.conditions.cut(source, target):
                self.other.end_here(ConnectionResetError("the other side knows no such connection"))
            return
        link = weather.conditions.link(source, target)
        if not (link.loss or link.duplicate or link.reorder):
            self._last_due = due = max(
                self._last_due, weather.loop.time() + weather.delay_seconds(source, target)
            )
            self.process.call_at(due, self._arrive, chunk)
            return
        for frame in _frames(chunk) if self.manner.framed else (chunk,):
            self._send_frame(frame, link)

    def _send_frame(self, frame: bytes, link: Link) -> None:
        weather = self._weather
        source, target = self.other.process.name, self.process.name
        random = weather.random
        if self._broken:
            return
        due = weather.loop.time() + weather.delay_seconds(source, target)
        if random.random() < link.loss:
            if random.random() < LOSSES_THAT_BREAK:
                self._break(source, target)
                return
            due += random.uniform(RESEND_FIRST_SECONDS, RESENT_SECONDS_MAX)
            weather.trace.say("resent", source=source, target=target, bytes=len(frame))
            self._last_due = due = max(self._last_due, due)
        elif self.manner.framed and random.random() < link.reorder:
            due += link.reorder_seconds * random.random()
        else:
            self._last_due = due = max(self._last_due, due)
        self.process.call_at(due, self._arrive, frame)
        if self.manner.framed and random.random() < link.duplicate:
            again = due + weather.delay_seconds(source, target)
            again += link.reorder_seconds * random.random()
            weather.trace.say("twice", source=source, target=target, bytes=len(frame))
            self.process.call_at(again, self._arrive, frame)

    def _break(self, source: str, target: str) -> None:
        """Nothing comes through any more in either direction; sooner or later both ends notice."""
        weather = self._weather
        weather.trace.say("broken", source=source, target=target)
        for end in (self, self.other):
            end._broken = True
            seconds = weather.random.uniform(RESEND_FIRST_SECONDS, BROKEN_SECONDS_MAX)
            gone = ConnectionResetError("the connection broke")
            end.process.call_at(weather.loop.time() + seconds, end._end, gone)

    def end_here(self, problem: Exception | None) -> None:
        """The other end closed or was reset: after all that it wrote before, this one hears it."""
        weather = self._weather
        due = weather.loop.time() + weather.delay_seconds(
            self.other.process.name, self.process.name
        )
        self.process.call_at(max(self._last_due, due), self._end, problem)

    def _end(self, problem: Exception | None) -> None:
        if self._closing or self._cut():
            return  # Cut off, nobody hears of it; silence tells, or the next write.
        self._closing = True
        self._lost(problem)

    def _arrive(self, chunk: bytes) -> None:
        if self._closing:
            self.other.was_read(len(chunk))
            if not self._cut():
                # The other end did not hear of the closing, for it was cut off then.
                self.other.end_here(ConnectionResetError("the other side knows no such connection"))
        elif self._stalled:
            self._stalled.append(chunk)
        elif self._cut():
            self._stalled.append(chunk)
            self._resend_later()
        else:
            self._take(chunk)

    def _cut(self) -> bool:
        return self._weather.conditions.cut(self.other.process.name, self.process.name)

    def _resend_later(self) -> None:
        self.process.call_at(self._weather.loop.time() + self._resend_seconds, self._resend)
        self._resend_seconds *= 2

    def _resend(self) -> None:
        if self._cut() and self._resend_seconds <= RESEND_LAST_SECONDS:
            self._resend_later()
        elif self._cut():
            self._stalled.clear()
            self.other.time_out()
        else:
            self._resend_seconds = RESEND_FIRST_SECONDS
            while self._stalled:
                self._take(self._stalled.popleft())

    def time_out(self) -> None:
        """What was written here was never acknowledged."""
        if not self._closing:
            self._closing = True
            self.process.call_soon(self._lost, TimeoutError("nothing was acknowledged"))

    def _take(self, chunk: bytes) -> None:
        source, target = self.other.process.name, self.process.name
        weather = self._weather
        weather.trace.line(
            f"{weather.loop.time():.6f} {source}>{target} {len(chunk)} {zlib.crc32(chunk):08x}"
        )
        if self._paused or self._wire is None:
            self._unread.append(chunk)
            return
        self.other.was_read(len(chunk))
        self._wire.data_received(chunk)

    # In this end's process

    def _read_on(self) -> None:
        while self._unread and not self._paused and not self._closing:
            assert self._wire is not None
            chunk = self._unread.popleft()
            self.other.was_read(len(chunk))
            self._wire.data_received(chunk)

    def was_read(self, size: int) -> None:
        """So much of what was written here has been read at the other end, or never will be."""
        self._bytes_out -= size
        if self._writer_waits and self._bytes_out * 2 < self.manner.unread_bytes_max:
            self._writer_waits = False
            self.process.call_soon(self._resume_writer)

    def _pause_writer(self) -> None:
        if self._wire is not None and self._writer_waits:
            self._wire.pause_writing()

    def _resume_writer(self) -> None:
        if self._wire is not None and not self._closing:
            self._wire.resume_writing()

    def _lost(self, problem: Exception | None) -> None:
        self.when_closed(self)
        self._unread.clear()
        self._stalled.clear()
        if self._wire is not None:
            self._wire.connection_lost(problem)


def _frames(chunk: bytes) -> Iterator[bytes]:
    """The frames of a write: whole ones, for `Outbox` writes no others."""
    at = 0
    while at < len(chunk):
        end = at + LENGTH_BYTES + int(_LENGTH(chunk, at)[0])
        yield chunk[at:end]
        at = end
