"""Notices are told in order, many at a time, again if need be, and not for ever."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from photon.rpc.errors import CallTimedOut, PeerFault
from photon.scheduler import notices as limits
from photon.scheduler.node_messages import Release, notice_of
from photon.scheduler.notices import NOTICES_A_CALL_MAX, WAITING_MAX, Notices
from photon.scheduler.policy import RESERVATION_LEASE_SECONDS
from tests.scheduler.doors import SteppedClock, until


class Listener:
    """What was told, call by call; and what the next calls end with instead."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, list[str]]] = []
        self.failures: list[Exception] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.clock = SteppedClock()
        self.notices = Notices(self.tell, self.clock)

    async def tell(self, first_number: int, bodies: list[bytes]) -> None:
        ids = [notice_of(body) for body in bodies]
        self.calls.append((first_number, [_demand_id(each) for each in ids]))
        await self.gate.wait()
        if self.failures:
            raise self.failures.pop(0)

    def put(self, *numbers: int) -> None:
        for number in numbers:
            self.notices.put(f"{number}", Release("node", f"{number}", "h"))

    def put_now(self, number: int) -> asyncio.Future[None]:
        return self.notices.put_now(f"{number}", Release("node", f"{number}", "h"))


def _demand_id(notice: object) -> str:
    assert isinstance(notice, Release)
    return notice.demand_id


@pytest.fixture
async def listener() -> AsyncIterator[Listener]:
    listener = Listener()
    running = asyncio.create_task(listener.notices.run())
    yield listener
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_what_is_urgent_takes_along_what_waits(listener: Listener) -> None:
    listener.put(1, 2)
    await listener.put_now(3)
    assert listener.calls == [(1, ["1", "2", "3"])]
    await listener.put_now(4)
    assert listener.calls[1:] == [(4, ["4"])]


async def test_what_is_not_urgent_is_told_by_itself_soon(listener: Listener) -> None:
    listener.put(1)
    assert listener.notices.concern("1")
    await until(lambda: listener.calls == [(1, ["1"])])
    await until(lambda: not listener.notices.concern("1"))


async def test_one_call_is_under_way_at_a_time_and_the_rest_gathers_meanwhile(
    listener: Listener,
) -> None:
    listener.gate.clear()
    listener.put_now(1)
    await until(lambda: len(listener.calls) == 1)
    told = [listener.put_now(number) for number in range(2, 50)]
    listener.gate.set()
    await asyncio.gather(*told)
    assert listener.calls == [(1, ["1"]), (2, [f"{number}" for number in range(2, 50)])]


async def test_no_call_has_too_many(listener: Listener) -> None:
    listener.put(*range(2 * NOTICES_A_CALL_MAX + 1))
    await listener.notices.all_told()
    assert [len(ids) for _, ids in listener.calls] == [NOTICES_A_CALL_MAX, NOTICES_A_CALL_MAX, 1]
    assert [first for first, _ in listener.calls] == [
        1,
        NOTICES_A_CALL_MAX + 1,
        2 * NOTICES_A_CALL_MAX + 1,
    ]


async def test_no_call_has_too_many_bytes(listener: Listener) -> None:
    long = "x" * (limits.CALL_BYTES // 4)
    for _ in range(6):
        listener.notices.put("1", Release("node", "1", long[: 100 << 10]))
    await listener.notices.all_told()
    assert [len(ids) for _, ids in listener.calls] == [5, 1]


async def test_what_may_not_have_come_is_told_again_with_the_same_numbers(
    listener: Listener,
) -> None:
    listener.failures = [CallTimedOut("lost", may_have_run=True)] * 2
    listener.put(1)
    await listener.put_now(2)
    assert listener.calls == [(1, ["1", "2"])] * 3
    assert len(listener.notices) == 0


async def test_what_cannot_be_understood_is_not_told_again(listener: Listener) -> None:
    listener.failures = [PeerFault(6, "a mistake of theirs")]
    await listener.put_now(1)
    await listener.put_now(2)
    assert listener.calls == [(1, ["1"]), (2, ["2"])]


async def test_what_is_older_than_a_lease_is_given_up(listener: Listener) -> None:
    listener.failures = [CallTimedOut("lost", may_have_run=False)] * 1000
    old = listener.put_now(1)
    await until(lambda: len(listener.calls) > 2)
    listener.clock.turn(RESERVATION_LEASE_SECONDS)
    await old
    listener.failures = []
    await listener.put_now(2)
    assert listener.calls[-1] == (2, ["2"])


async def test_beyond_the_limit_notices_are_dropped_and_nobody_waits_for_them(
    listener: Listener,
) -> None:
    listener.gate.clear()
    listener.put(*range(WAITING_MAX))
    listener.put(WAITING_MAX)
    await listener.put_now(WAITING_MAX + 1)
    assert (len(listener.notices), listener.notices.dropped) == (WAITING_MAX, 2)
    listener.gate.set()
    await listener.notices.all_told()
    assert sum(len(ids) for _, ids in listener.calls) == WAITING_MAX
    assert listener.notices.dropped == 0
