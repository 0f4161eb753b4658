"""What a door is told of placements: in order, each once, many in one call.

A hold, a release or a refusal goes at once, with whatever has come together while the last call was
under way. Confirmations wait for company: nothing depends on them for a minute. What cannot be told
is told again until it is older than any lease, and then means nothing any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from photon.outside.clock import Clock
from photon.rpc.errors import CallFailed, PeerFault
from photon.scheduler.node_messages import Notice, notice_to
from photon.scheduler.policy import RESERVATION_LEASE_SECONDS

# At a thousand VMs a second: one call for a hundred of them.
CONFIRM_SECONDS: Final = 0.1
# With CALL_BYTES: about as many of the usual size as one call may carry.
NOTICES_A_CALL_MAX: Final = 512
# Half of what the door takes in one call; one notice alone may be a quarter of it.
CALL_BYTES: Final = 512 << 10
# Some seconds of a busy cloud. What is more than that would be told too late to matter.
WAITING_MAX: Final = 8192
# A door that cannot be told now is up again in a second, or down for long.
RETRY_SECONDS: Final = 0.5

log = logging.getLogger(__name__)
Tell = Callable[[int, list[bytes]], Awaitable[None]]


class _Waiting(NamedTuple):
    demand_id: str
    body: bytes
    ends: float
    told: asyncio.Future[None] | None


class Notices:
    """Not for threads. `run` must be running for anything to be told."""

    def __init__(self, tell: Tell, clock: Clock) -> None:
        """`tell`: the first one's number, and all of them; CallFailed if they may not have come."""
        self._tell = tell
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._of_demands: dict[str, int] = {}  # how many wait
        self._first_number = 1
        self._some = asyncio.Event()
        self._urgent = asyncio.Event()
        self.dropped = 0  # since none waited last

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, demand_id: str, notice: Notice) -> None:
        """Told when there are more, or soon. With too many waiting it is dropped: the host's
        reports, and leases, make up for each of these."""
        self._put(demand_id, notice, None)

    def put_now(self, demand_id: str, notice: Notice) -> asyncio.Future[None]:
        """Done when it was told, or given up."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._put(demand_id, notice, told)
        self._urgent.set()
        return told

    def concern(self, demand_id: str) -> bool:
        """Whether something of it waits to be told."""
        return demand_id in self._of_demands

    def all_told(self) -> asyncio.Future[None]:
        """Done when what waits now was told, or given up."""
        told: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            told.set_result(None)
            return told
        last = self._waiting[-1]
        if last.told is not None:
            return last.told
        self._waiting[-1] = last._replace(told=told)
        self._urgent.set()
        return told

    async def run(self) -> None:
        """Tells, for ever."""
        while True:
            await self._some.wait()
            await self._gather()
            batch = self._batch()
            if len(batch) == len(self._waiting):
                self._urgent.clear()
            try:
                await self._tell(self._first_number, [each.body for each in batch])
            except PeerFault:
                # It cannot be made to understand these by saying them again.
                log.exception("%d notices were given up", len(batch))
                self._done(len(batch))
            except CallFailed:
                self._urgent.set()
                await self._clock.sleep(RETRY_SECONDS)
            else:
                self._done(len(batch))
            self._give_up_old()

    async def _gather(self) -> None:
        if len(self._waiting) < NOTICES_A_CALL_MAX and not self._urgent.is_set():
            try:
                async with asyncio.timeout(CONFIRM_SECONDS):
                    await self._urgent.wait()
            except TimeoutError:
                pass

    def _batch(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        bytes_left = CALL_BYTES
        for each in self._waiting:
            bytes_left -= len(each.body)
            if batch and (bytes_left < 0 or len(batch) >= NOTICES_A_CALL_MAX):
                break
            batch.append(each)
        return batch

    def _put(self, demand_id: str, notice: Notice, told: asyncio.Future[None] | None) -> None:
        if len(self._waiting) >= WAITING_MAX:
            if not self.dropped:
                log.warning("notices are dropped: %d wait to be told already", WAITING_MAX)
            self.dropped += 1
            if told is not None:
                told.set_result(None)
            return
        ends = self._clock.monotonic() + RESERVATION_LEASE_SECONDS
        self._waiting.append(_Waiting(demand_id, notice_to(notice), ends, told))
        self._of_demands[demand_id] = self._of_demands.get(demand_id, 0) + 1
        self._some.set()

    def _done(self, count: int) -> None:
        """Those at the front are told, or given up."""
        for _ in range(count):
            gone = self._waiting.popleft()
            self._first_number += 1
            left = self._of_demands[gone.demand_id] - 1
            if left:
                self._of_demands[gone.demand_id] = left
            else:
                del self._of_demands[gone.demand_id]
            if gone.told is not None and not gone.told.done():
                gone.told.set_result(None)
        if not self._waiting:
            self._some.clear()
            self.dropped = 0

    def _give_up_old(self) -> None:
        now = self._clock.monotonic()
        old = 0
        for each in self._waiting:
            if each.ends > now:
                break
            old += 1
        self._done(old)
