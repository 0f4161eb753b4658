"""The door of a process behind which scheduler nodes are: serves them to other controllers.

Behind it are nodes whose hosts' leaves are in this process, so a call never goes on to another
door, and none waits for a host. Thrift's side of it is thrift/scheduler.thrift; who calls is
`photon.scheduler.remote`.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from photon.outside.clock import Clock
from photon.rpc.errors import BadArguments
from photon.rpc.network import Network
from photon.rpc.server import Handler, Server, ServerLimits
from photon.scheduler import node_messages as messages
from photon.scheduler.node_messages import Confirm, Hold, Notice, Refused, Release
from photon.scheduler.policy import SUMMARY_SECONDS
from photon.scheduler.protocol import ChildNode
from photon.scheduler.tellings import Tellings

# Controllers whose notices are numbered. Each process that ever called is one: the oldest, long
# dead, are forgotten, and of those that live there are some dozens.
CALLERS_MAX: Final = 1024
WAIT_MS_MAX: Final = 10_000  # A controller that hears nothing for longer takes us for dead.
# A batch of notices: see photon.scheduler.notices.
CALL_BYTES_MAX: Final = 1 << 20
STOP_SECONDS: Final = 2.0  # Placements under way end in microseconds; a poll need not.

log = logging.getLogger(__name__)


class Door:
    """`boot_id`: another one with each start of the process, for what it held is gone then."""

    def __init__(
        self, clock: Clock, boot_id: str, summary_seconds: float = SUMMARY_SECONDS
    ) -> None:
        self._clock = clock
        self._boot_id = boot_id
        self._nodes: dict[str, ChildNode] = {}
        self._summary_seconds = summary_seconds
        self._tellings = Tellings(clock, summary_seconds)
        self._next_numbers: OrderedDict[str, int] = OrderedDict()
        self._server: Server | None = None
        self._closing = False

    # --- this process' side ----------------------------------------------------------------------

    def admit(self, node_id: str, node: ChildNode) -> None:
        """Serves it from now on, in place of another with this id."""
        self._nodes[node_id] = node
        self._tellings.add(node_id, node)

    def withdraw(self, node_id: str) -> None:
        """Calls for it are answered NoSuchNode; other controllers hear of it within a second."""
        self._nodes.pop(node_id, None)
        self._tellings.remove(node_id)

    async def open(self, network: Network, endpoint: str) -> str:
        """Listens; the answer is the real `host:port`. OSError if it cannot."""
        limits = ServerLimits(call_bytes_max=CALL_BYTES_MAX)
        self._server = Server(messages.scheduler_service(), self.handlers(), limits)
        return await self._server.start(network, endpoint)

    async def close(self) -> None:
        self._closing = True
        if self._server is not None:
            await self._server.stop(STOP_SECONDS)

    # --- the others' side ------------------------------------------------------------------------

    def handlers(self) -> Mapping[str, Handler]:
        return {
            "place": self._place,
            "fits": self._fits,
            "tell": self._tell,
            "summaries": self._summaries,
        }

    async def _place(self, node_id: str, body: bytes) -> Any:
        demand = messages.demand_of(body)
        return messages.answer_to(await self._node(node_id).place(demand))

    async def _fits(self, node_id: str, body: bytes) -> bytes:
        demand = messages.demand_of(body)
        return messages.fits_to(await self._node(node_id).fits(demand))

    def _node(self, node_id: str) -> ChildNode:
        node = self._nodes.get(node_id)
        if node is None:
            raise messages.NoSuchNode(node_id)
        return node

    async def _tell(self, caller_id: str, first_number: int, notices: list[bytes]) -> None:
        skipped = self._next_numbers.get(caller_id, first_number) - first_number
        for body in notices[max(skipped, 0) :]:
            await self._take(body)
        following = first_number + len(notices)
        self._next_numbers[caller_id] = max(self._next_numbers.get(caller_id, 0), following)
        self._next_numbers.move_to_end(caller_id)
        if len(self._next_numbers) > CALLERS_MAX:
            self._next_numbers.popitem(last=False)

    async def _take(self, body: bytes) -> None:
        try:
            notice = messages.notice_of(body)
            node = self._nodes.get(notice.node_id)
            if node is not None:  # else whoever serves it now hears of this from its hosts
                await _hand_on(node, notice)
        except BadArguments as problem:
            # The others of its batch are good, and to refuse them all would only bring them again.
            log.warning("a notice of another controller was passed over: %s", problem)

    async def _summaries(self, boot_id: str, cursor: int, wait_ms: int) -> Any:
        if boot_id != self._boot_id:
            cursor = 0
        ends = self._clock.monotonic() + min(max(wait_ms, 0), WAIT_MS_MAX) / 1000
        while True:
            self._tellings.look()
            left_seconds = ends - self._clock.monotonic()
            if self._tellings.has_more(cursor) or left_seconds <= 0 or self._closing:
                return self._tellings.page(cursor, self._boot_id)
            await self._clock.sleep(min(left_seconds, self._summary_seconds))


async def _hand_on(node: ChildNode, notice: Notice) -> None:
    match notice:
        case Hold():
            await node.hold(notice.demand, notice.placement)
        case Confirm():
            await node.confirm(notice.demand, notice.placement)
        case Release():
            await node.release(notice.demand_id, notice.host_id)
        case Refused():
            await node.refused(notice.placement, notice.reason)
