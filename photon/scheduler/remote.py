"""Scheduler nodes of another controller, as children of a branch here.

A `RemoteDoor` is one connection to one process; `RemoteNode`s are what is behind it. The door's
poll for summaries is its heartbeat: it alone connects, and only while it is answered are calls let
through, so that a dead controller costs no demand any time. A node that cannot be asked is an
ordinary child that refuses, with a reason of its own (NODE_SILENT), and the search goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from photon.domain.demand import Demand, NoPlacement, Placement
from photon.domain.fits import Fits
from photon.outside.clock import Clock
from photon.rpc.connection import CallLimits, Connection, connect
from photon.rpc.errors import BadArguments, CallFailed, CallTimedOut, ConnectFailed, PeerFault
from photon.rpc.network import Network
from photon.scheduler import node_messages as messages
from photon.scheduler.hearing import Hearing
from photon.scheduler.node_messages import Confirm, Hold, Notice, Refused, Release
from photon.scheduler.notices import Notices
from photon.scheduler.pace import Pace
from photon.scheduler.policy import RESERVATION_LEASE_SECONDS
from photon.scheduler.summary import Facts, Summary, silence, silenced
from photon.scheduler.vain import Vain

# Calls without an answer in a row, although polls are answered: then none for a while.
TIMEOUTS_MAX: Final = 3
REST_SECONDS: Final = 5.0
# Beyond it calls wait in line, and then fail: other children have room. See photon.rpc.
IN_FLIGHT_MAX: Final = 256
CALLS_WAITING_MAX: Final = 1024
# First page of a door with many leaves: 64 of some 20 KiB.
ANSWER_BYTES_MAX: Final = 8 << 20
# Leaves and branches of one process; more is not a door of ours.
NODES_MAX: Final = 4096
# Placements whose guests are not made yet: more than a controller runs tasks.
PLACED_REMEMBERED_MAX: Final = 4096
# A quarter of a reservation's lease. What was placed since is held, without saying so again.
HOLD_AGAIN_SECONDS: Final = 30.0

log = logging.getLogger(__name__)


class _Placed(NamedTuple):
    node_id: str
    demand: Demand
    placement: Placement
    at: float


class RemoteDoor:
    """Not for threads. `start` it; until its first poll is answered its nodes are silent."""

    def __init__(
        self,
        network: Network,
        endpoint: str,
        clock: Clock,
        caller_id: str,
        pace: Pace | None = None,
    ) -> None:
        """`caller_id`: of this object alone, never used before."""
        self.endpoint = endpoint
        self._network = network
        self._clock = clock
        self._caller_id = caller_id
        self._pace = pace or Pace()
        self._vain = self._pace.vain or Vain(clock, 1.5 * self._pace.call_seconds)
        self._notices = Notices(self._tell, clock)
        self._nodes: dict[str, RemoteNode] = {}
        self._connection: Connection | None = None  # None: calls are not let through
        self._boot_id = ""
        self._cursor = 0
        self._told: dict[str, Summary] = {}  # of all nodes there, wanted here or not
        self._hearing = Hearing()
        self._timeouts = 0
        self._rests_until = float("-inf")
        self._placed: OrderedDict[str, _Placed] = OrderedDict()
        self._work: list[asyncio.Task[None]] = []

    def node(self, node_id: str, owns: Callable[[str], bool], hosts: int = 1) -> RemoteNode:
        """A child for a branch, the same for the same id. `owns`: whether a host is below it, by
        the topology. `hosts`: as many as it has by the topology, for refusals while it is silent
        and has never told. The latest of both count."""
        node = self._nodes.get(node_id)
        if node is None:
            node = self._nodes[node_id] = RemoteNode(self, node_id)
            if node_id in self._told:
                node.learn(self._told[node_id])
        node.lie_over(owns, hosts)
        return node

    def start(self) -> None:
        self._work = [
            asyncio.create_task(self._follow()),
            asyncio.create_task(self._notices.run()),
        ]

    async def close(self) -> None:
        for task in self._work:
            task.cancel()
        await asyncio.gather(*self._work, return_exceptions=True)

    @property
    def is_silent(self) -> bool:
        """Too many of its last polls were not answered, or none ever was."""
        return self._hearing.is_silent

    @property
    def is_open(self) -> bool:
        """Whether calls are let through now."""
        return self._open() is not None

    @property
    def waiting(self) -> int:
        """Notices that it has not been told yet."""
        return len(self._notices)

    # --- the poll, which is the heartbeat --------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            try:
                await self._follow_one_connection()
            except (CallFailed, BadArguments) as problem:
                self._missed(problem)
            except Exception as problem:
                # A mistake of ours must not end the heartbeat: its nodes would seem well for ever.
                log.exception("the poll of %s failed", self.endpoint)
                self._missed(problem)
            await self._clock.sleep(self._pace.poll_pause_seconds)

    async def _follow_one_connection(self) -> None:
        limits = CallLimits(IN_FLIGHT_MAX, CALLS_WAITING_MAX, ANSWER_BYTES_MAX)
        service = messages.scheduler_service()
        connection = await connect(self._network, self.endpoint, service, limits)
        try:
            while True:
                await self._poll(connection)
        finally:
            self._connection = None
            connection.close()

    async def _poll(self, connection: Connection) -> None:
        # The first on a connection only asks whether anybody is there.
        patient = self._connection is connection and not self._hearing.is_silent
        wait_ms = self._pace.poll_wait_ms if patient else 0
        seconds = wait_ms / 1000 + self._pace.call_seconds
        arguments = (self._boot_id, self._cursor, wait_ms)
        answer = messages.tellings_of(await connection.call("summaries", arguments, seconds))
        self._connection = connection
        self._take(answer)
        self._answered()
        if self._hearing.is_silent:
            await self._clock.sleep(self._pace.poll_pause_seconds)

    def _take(self, answer: Any) -> None:
        if answer.boot_id != self._boot_id:
            self._boot_id = answer.boot_id
            self._told = {}
            self._hold_again()
        for telling in answer.tellings[:NODES_MAX]:
            node_id = telling.node_id
            before = self._told.get(node_id)
            summary = messages.summary_of(telling, before.facts if before else Facts())
            self._told[node_id] = summary
            if node_id in self._nodes:
                self._nodes[node_id].learn(summary)
        if answer.nodes_changed:
            there = set(answer.nodes[:NODES_MAX])
            self._told = {id: told for id, told in self._told.items() if id in there}
            for node_id, node in self._nodes.items():
                if node_id not in there:
                    node.be_absent()
        self._cursor = answer.cursor

    def _missed(self, problem: Exception) -> None:
        if self._hearing.miss():
            log.warning("no scheduler node answers at %s: %s", self.endpoint, problem)
            self._renew_nodes()

    def _answered(self) -> None:
        if self._hearing.answer():
            log.info("the scheduler nodes at %s answer", self.endpoint)
            self._renew_nodes()

    def _renew_nodes(self) -> None:
        for node in self._nodes.values():
            node.renew()

    # --- calls -----------------------------------------------------------------------------------

    async def place(self, node: RemoteNode, demand: Demand) -> Placement | NoPlacement:
        if self._notices.concern(demand.id) and self._open() is not None:
            await self._settle(self._notices.all_told(), demand.id)
        try:
            answer = messages.answer_of(await self._ask(node, "place", demand), demand)
        except (CallFailed, BadArguments) as problem:
            self._failed(problem)
            return node.silence()
        except messages.NoSuchNode:
            node.be_absent()
            return node.silence()
        self._timeouts = 0
        if isinstance(answer, Placement) and not demand.dry_run:
            self._remember(_Placed(node.id, demand, answer, self._clock.monotonic()))
        return answer

    async def fits(self, node: RemoteNode, demand: Demand) -> Fits:
        try:
            return messages.fits_of(await self._ask(node, "fits", demand))
        except (CallFailed, BadArguments) as problem:
            self._failed(problem)
        except messages.NoSuchNode:
            node.be_absent()
        refusal = node.silence()
        return Fits(refusal.hosts_asked, reasons=refusal.reasons, exact=False)

    async def hold(self, node: RemoteNode, demand: Demand, placement: Placement) -> None:
        now = self._clock.monotonic()
        placed = self._placed.get(demand.id)
        if (
            placed is not None
            and placed.placement.host_id == placement.host_id
            and now - placed.at < HOLD_AGAIN_SECONDS
        ):
            return
        self._remember(_Placed(node.id, demand, placement, now))
        await self._say(demand.id, Hold(node.id, demand, placement))

    async def confirm(self, node: RemoteNode, demand: Demand, placement: Placement) -> None:
        """Told within a moment; it returns at once."""
        self._placed.pop(demand.id, None)
        self._notices.put(demand.id, Confirm(node.id, demand, placement))

    async def release(self, node: RemoteNode, demand_id: str, host_id: str) -> None:
        self._placed.pop(demand_id, None)
        await self._say(demand_id, Release(node.id, demand_id, host_id))

    async def refused(self, node: RemoteNode, placement: Placement, reason: str) -> None:
        self._placed.pop(placement.demand_id, None)
        await self._say(placement.demand_id, Refused(node.id, placement, reason))

    async def _ask(self, node: RemoteNode, method: str, demand: Demand) -> Any:
        arguments = (node.id, messages.demand_to(demand))
        connection, seconds = self._listening(), self._seconds_for(demand.id)
        if not seconds:
            raise ConnectFailed(f"{self.endpoint} is not asked: others kept this demand waiting")
        began = self._clock.monotonic()
        try:
            return await connection.call(method, arguments, seconds)
        except CallTimedOut:
            self._vain.waited(demand.id, self._clock.monotonic() - began)
            raise

    def _seconds_for(self, demand_id: str) -> float:
        return min(self._pace.call_seconds, self._vain.left(demand_id))

    async def _say(self, demand_id: str, notice: Notice) -> None:
        """Waits for it only while somebody seems to listen; it is told later if need be."""
        told = self._notices.put_now(demand_id, notice)
        if self._open() is not None:
            await self._settle(told, demand_id)

    async def _settle(self, told: asyncio.Future[None], demand_id: str) -> None:
        began = self._clock.monotonic()
        await asyncio.wait([told], timeout=self._seconds_for(demand_id))
        if not told.done():
            self._vain.waited(demand_id, self._clock.monotonic() - began)

    async def _tell(self, first_number: int, notices: list[bytes]) -> None:
        arguments = (self._caller_id, first_number, notices)
        await self._listening().call("tell", arguments, self._pace.call_seconds)

    def _listening(self) -> Connection:
        connection = self._open()
        if connection is None:
            raise ConnectFailed(f"{self.endpoint} does not answer now")
        return connection

    def _open(self) -> Connection | None:
        """None while nobody would answer."""
        connection = self._connection
        if connection is None or not connection.is_open:
            return None
        return connection if self._clock.monotonic() >= self._rests_until else None

    def _failed(self, problem: Exception) -> None:
        if isinstance(problem, CallTimedOut):
            self._timeouts += 1
            if self._timeouts >= TIMEOUTS_MAX:
                self._timeouts = 0
                self._rests_until = self._clock.monotonic() + REST_SECONDS
                log.warning("%s is given a rest: %s", self.endpoint, problem)
        elif isinstance(problem, PeerFault | BadArguments):
            log.error("%s does not speak as agreed: %s", self.endpoint, problem)

    def _remember(self, placed: _Placed) -> None:
        self._placed[placed.demand.id] = placed
        self._placed.move_to_end(placed.demand.id)
        if len(self._placed) > PLACED_REMEMBERED_MAX:
            self._placed.popitem(last=False)

    def _hold_again(self) -> None:
        """A process that started anew knows what its hosts report, and nothing of what it promised
        to us before. What is older than a lease was given up here as it was there."""
        since = self._clock.monotonic() - RESERVATION_LEASE_SECONDS
        for node_id, demand, placement, at in self._placed.values():
            if at > since:
                self._notices.put(demand.id, Hold(node_id, demand, placement))
        self._notices.all_told()  # at once, before anything new is placed there


class RemoteNode:
    """A `ChildNode` in another process. Made by its door."""

    def __init__(self, door: RemoteDoor, node_id: str) -> None:
        self.id = node_id
        self._door = door
        self._owns: Callable[[str], bool] = _nothing
        self._hosts = 0
        self._last = Summary()
        self._absent = True
        self._silences = 0
        self.renew()

    def lie_over(self, owns: Callable[[str], bool], hosts: int) -> None:
        """What the topology says of it."""
        self._owns = owns
        if hosts != self._hosts:
            self._hosts = hosts
            self.renew()

    def summary(self) -> Summary:
        return self._summary

    async def place(self, demand: Demand) -> Placement | NoPlacement:
        return await self._door.place(self, demand)

    async def fits(self, demand: Demand) -> Fits:
        return await self._door.fits(self, demand)

    async def hold(self, demand: Demand, placement: Placement) -> None:
        await self._door.hold(self, demand, placement)

    async def confirm(self, demand: Demand, placement: Placement) -> None:
        await self._door.confirm(self, demand, placement)

    async def release(self, demand_id: str, host_id: str) -> None:
        await self._door.release(self, demand_id, host_id)

    async def refused(self, placement: Placement, reason: str) -> None:
        await self._door.refused(self, placement, reason)

    def owns(self, host_id: str) -> bool:
        return self._owns(host_id)

    # --- what the door hears ---------------------------------------------------------------------

    def learn(self, summary: Summary) -> None:
        self._last, self._absent = summary, False
        self.renew()

    def be_absent(self) -> None:
        """Nobody serves it there, until it is told of again."""
        self._absent = True
        self.renew()

    def renew(self) -> None:
        if self._absent or self._door.is_silent:
            self._silences += 1
            self._summary = silenced(self._last, self._hosts, ("silent", self._silences))
        else:
            self._summary = self._last

    def silence(self) -> NoPlacement:
        return silence(self._last.hosts or self._hosts)


def _nothing(host_id: str) -> bool:
    return False
