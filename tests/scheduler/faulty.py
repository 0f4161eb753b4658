"""TCP that loses, delays and doubles whole messages, each way, as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from struct import Struct
from typing import Any, cast

from photon.rpc.errors import ConnectFailed
from photon.rpc.frames import FrameCutter
from photon.rpc.network import Listening, TcpNetwork, Wire

_LENGTH = Struct(">I")
_FRAME_BYTES_MAX = 16 << 20


class FaultyNetwork:
    """Shares are of messages, from 0 to 1. `is_cut`: connections stay, and nothing comes through;
    new ones cannot be made."""

    def __init__(self, random: Random | None = None) -> None:
        self.random = random or Random(1)
        self.lost_calls = 0.0
        self.lost_answers = 0.0
        self.doubled_calls = 0.0
        self.spared: frozenset[str] = frozenset()  # methods of which nothing is lost
        self.delay_seconds = 0.0  # of each message up to so much; they may overtake each other
        self.is_cut = False
        self.calls: list[str] = []  # names of those that were sent
        self._tcp = TcpNetwork()

    async def connect(self, endpoint: str, make_wire: Callable[[], Wire]) -> Wire:
        if self.is_cut:
            raise ConnectFailed("the network is cut")
        wire = make_wire()
        await self._tcp.connect(endpoint, lambda: _Between(wire, self))
        return wire

    async def listen(self, endpoint: str, make_wire: Callable[[], asyncio.Protocol]) -> Listening:
        return await self._tcp.listen(endpoint, make_wire)

    def pass_on(
        self, frame: bytes, lost: float, doubled: float, on: Callable[[bytes], None]
    ) -> None:
        if self.is_cut or (self.random.random() < lost and _method(frame) not in self.spared):
            return
        copies = 2 if self.random.random() < doubled else 1
        for _ in range(copies):
            if self.delay_seconds:
                seconds = self.random.random() * self.delay_seconds
                asyncio.get_running_loop().call_later(seconds, on, frame)
            else:
                on(frame)


class _Between(asyncio.Protocol):
    """Between a connection's protocol and its transport; is both, to the other."""

    def __init__(self, wire: asyncio.Protocol, network: FaultyNetwork) -> None:
        self._wire = wire
        self._network = network
        self._calls = FrameCutter(_FRAME_BYTES_MAX)
        self._answers = FrameCutter(_FRAME_BYTES_MAX)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._wire.connection_made(cast("asyncio.Transport", self))

    def connection_lost(self, problem: Exception | None) -> None:
        self._wire.connection_lost(problem)

    def data_received(self, received: bytes) -> None:
        network = self._network
        for frame in self._answers.cut(received):
            network.pass_on(frame, network.lost_answers, 0.0, self._answer)

    def write(self, sent: bytes) -> None:
        network = self._network
        for frame in self._calls.cut(sent):
            network.calls.append(_method(frame))
            network.pass_on(frame, network.lost_calls, network.doubled_calls, self._call)

    def __getattr__(self, name: str) -> Any:
        """What else is asked of a transport."""
        return getattr(self._transport, name)

    def _call(self, frame: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(_LENGTH.pack(len(frame)) + frame)

    def _answer(self, frame: bytes) -> None:
        if not self._transport.is_closing():
            self._wire.data_received(_LENGTH.pack(len(frame)) + frame)


def _method(frame: bytes) -> str:
    """Calls and answers have it in the same place."""
    (name_bytes,) = _LENGTH.unpack_from(frame, 4)
    return frame[8 : 8 + name_bytes].decode()
