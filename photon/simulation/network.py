"""A network in memory, between named programs: it passes bytes on as its conditions are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from photon.rpc.errors import ConnectFailed
from photon.rpc.network import CONNECT_SECONDS, Listening, Wire
from photon.simulation.conditions import Conditions
from photon.simulation.loop import SimulatedLoop
from photon.simulation.process import Process
from photon.simulation.trace import Trace
from photon.simulation.transport import HTTP, RPC, End, Manner, Weather

KNOCK_AGAIN_SECONDS: Final = 1.0  # As Linux does with a SYN that nobody answers.


class SimulatedNetwork:
    """`of` is what a program is given; `conditions` may be changed at any time."""

    def __init__(self, loop: SimulatedLoop, random: Random, trace: Trace) -> None:
        self.conditions = Conditions()
        self.loop = loop
        self.weather = Weather(loop, random, self.conditions, trace)
        self._doors: dict[str, Door] = {}
        self._ends: dict[Process, dict[End, None]] = {}

    def of(self, process: Process) -> Attached:
        """The network as a program sees it, until it dies."""
        self._ends[process] = {}
        process.when_dead(lambda: self._died(process))
        return Attached(self, process)

    def crossing_seconds(self, source: str, target: str) -> float:
        """How long something takes from one machine to another now; drawn."""
        return self.weather.delay_seconds(source, target)

    def reset(self, name: str | None = None) -> None:
        """Resets the connections of all programs of that name, or all that there are."""
        for process, ends in self._ends.items():
            if name in (None, process.name):
                for end in list(ends):
                    end.abort()

    def ends(self) -> Iterator[End]:
        """Of all connections that there are."""
        return (end for ends in self._ends.values() for end in ends)

    # What programs ask

    def open_door(self, door: Door) -> None:
        if door.endpoint in self._doors:
            raise OSError(f"{door.endpoint} is taken")
        self._doors[door.endpoint] = door

    def close_door(self, door: Door) -> None:
        if self._doors.get(door.endpoint) is door:
            del self._doors[door.endpoint]

    def knock(self, caller: Process, endpoint: str, told: asyncio.Future[End]) -> None:
        """One way to the other machine; what is found there tells the future."""
        target = endpoint.rpartition(":")[0]
        due = self.loop.time() + self.crossing_seconds(caller.name, target)
        self.loop.call_at(due, self._knocked, caller, endpoint, told)

    def _knocked(self, caller: Process, endpoint: str, told: asyncio.Future[End]) -> None:
        target = endpoint.rpartition(":")[0]
        if told.done() or not caller.alive:
            return
        conditions = self.conditions
        if conditions.cut(caller.name, target) or conditions.cut(target, caller.name):
            self.loop.call_later(KNOCK_AGAIN_SECONDS, self._knocked, caller, endpoint, told)
            return
        due = self.loop.time() + self.crossing_seconds(target, caller.name)
        door = self._doors.get(endpoint)
        if door is None:
            caller.call_at(due, _refuse, told, endpoint)
            return
        manner = door.manner
        here, there = (
            End(caller, self.weather, manner),
            End(door.process, self.weather, manner),
        )
        here.other, there.other = there, here
        for end in (here, there):
            self._ends[end.process][end] = None
            end.when_closed = self._closed
        door.process.call_soon(door.let_in, there)
        caller.call_at(due, _welcome, told, here)

    def _closed(self, end: End) -> None:
        self._ends.get(end.process, {}).pop(end, None)

    def _died(self, process: Process) -> None:
        """Its machine, if that lives, resets what it had open."""
        for door in [door for door in self._doors.values() if door.process is process]:
            self.close_door(door)
        ends = self._ends.pop(process)
        if not process.silent:
            for end in ends:
                end.abort()


class Door:
    """Where a program listens. See Listening."""

    def __init__(
        self,
        network: SimulatedNetwork,
        process: Process,
        endpoint: str,
        make_wire: Callable[[], asyncio.Protocol],
        manner: Manner,
    ) -> None:
        self._network = network
        self.process = process
        self.manner = manner
        self._endpoint = endpoint
        self._make_wire = make_wire

    @property
    def endpoint(self) -> str:
        return self._endpoint

    async def close(self) -> None:
        self._network.close_door(self)

    def let_in(self, end: End) -> None:
        if not end.is_closing():
            end.attach(self._make_wire())


class Attached:
    """See photon.rpc.network.Network: the network, as one program has it."""

    def __init__(self, network: SimulatedNetwork, process: Process) -> None:
        self._network = network
        self._process = process

    async def connect(self, endpoint: str, make_wire: Callable[[], Wire]) -> Wire:
        told: asyncio.Future[End] = asyncio.get_running_loop().create_future()
        self._network.knock(self._process, endpoint, told)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                end = await told
        except TimeoutError as problem:
            raise ConnectFailed(f"{endpoint} did not answer in {CONNECT_SECONDS:g} s") from problem
        except OSError as problem:
            raise ConnectFailed(f"{endpoint} cannot be reached: {problem}") from problem
        wire = make_wire()
        end.attach(wire)
        return wire

    async def listen(self, endpoint: str, make_wire: Callable[[], asyncio.Protocol]) -> Listening:
        return self._open(endpoint, make_wire, RPC)

    def serve(self, endpoint: str, make_wire: Callable[[], asyncio.Protocol]) -> Listening:
        """As `listen`, for HTTP."""
        return self._open(endpoint, make_wire, HTTP)

    def _open(
        self, endpoint: str, make_wire: Callable[[], asyncio.Protocol], manner: Manner
    ) -> Listening:
        door = Door(self._network, self._process, endpoint, make_wire, manner)
        self._network.open_door(door)
        return door


def _welcome(told: asyncio.Future[End], end: End) -> None:
    if told.done():
        end.abort()
    else:
        told.set_result(end)


def _refuse(told: asyncio.Future[End], endpoint: str) -> None:
    if not told.done():
        told.set_exception(ConnectionRefusedError(f"nobody listens at {endpoint}"))
