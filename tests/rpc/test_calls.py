"""Calls over real sockets: many at once, in any order; and what the caller learns of a failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from photon.rpc.connection import CallLimits
from photon.rpc.errors import (
    BadArguments,
    CallTimedOut,
    ConnectFailed,
    ConnectionLost,
    PeerFault,
)
from photon.rpc.server import ServerLimits
from tests.rpc.conftest import SECONDS, Bench


async def until(condition: Callable[[], object]) -> None:
    """Lets the loop run until `condition()` holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():  # noqa: ASYNC110  # what is waited for is only seen from outside
            await asyncio.sleep(0.001)


async def test_a_later_call_is_answered_while_an_earlier_one_waits(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    slow = asyncio.create_task(connection.call("inventory", ("h1",), SECONDS))
    assert await connection.call("ping", (), SECONDS) == "pong"
    assert not slow.done()
    bench.gate.set()
    assert (await slow).host_id == "h1"


async def test_each_of_many_calls_gets_its_own_answer(bench: Bench) -> None:
    await bench.start()
    bench.gate.set()
    connection = await bench.connect()
    names = [f"host-{number}" for number in range(2000)]
    answers = await asyncio.gather(
        *(connection.call("inventory", (name,), SECONDS) for name in names)
    )
    assert [answer.host_id for answer in answers] == names


async def test_a_method_without_a_result_answers_none(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    assert await connection.call("deprovision", ("h1", 1), SECONDS) is None
    assert bench.seen == ["h1"]


async def test_a_declared_exception_is_raised_as_itself(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    with pytest.raises(bench.service.structs.Refused) as raised:
        await connection.call("delete_disk", ("h1", 1, "d1"), SECONDS)
    assert (raised.value.code, raised.value.data) == ("BUSY", {"why": "test"})


async def test_a_handler_that_breaks_tells_the_caller_nothing_of_its_inside(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    with pytest.raises(PeerFault) as raised:
        await connection.call("set_mode", ("h1", 1, 1), SECONDS)
    assert "mistake" not in str(raised.value)
    assert await connection.call("ping", (), SECONDS) == "pong"


async def test_arguments_that_do_not_fit_are_never_sent(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    with pytest.raises(BadArguments):
        await connection.call("deprovision", (object(), 1), SECONDS)
    with pytest.raises(BadArguments):
        await connection.call("set_mode", ("h1", 1, 2**40), SECONDS)
    assert bench.seen == []
    assert await connection.call("ping", (), SECONDS) == "pong"


async def test_a_missing_argument_is_a_fault(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    with pytest.raises(PeerFault, match="missing"):
        await connection.call("deprovision", (None, 1), SECONDS)


async def test_nobody_there_means_that_nothing_was_sent(bench: Bench) -> None:
    await bench.start()
    assert bench.server is not None
    await bench.server.stop(0)
    with pytest.raises(ConnectFailed) as raised:
        await bench.connect()
    assert not raised.value.may_have_run


async def test_a_call_cut_off_on_the_way_may_have_run(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    call = asyncio.create_task(connection.call("inventory", ("h1",), SECONDS))
    await until(lambda: bench.running)
    connection.close()
    with pytest.raises(ConnectionLost) as raised:
        await call
    assert raised.value.may_have_run
    assert not connection.is_open


async def test_a_call_that_never_left_has_not_run(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    call = asyncio.create_task(connection.call("deprovision", ("h1", 1), SECONDS))
    await asyncio.sleep(0)  # The call has begun; what it wrote leaves in the next turn.
    connection.close()
    with pytest.raises(ConnectionLost) as raised:
        await call
    assert not raised.value.may_have_run
    with pytest.raises(ConnectionLost) as raised:
        await connection.call("ping", (), SECONDS)
    assert not raised.value.may_have_run
    assert bench.seen == []


async def test_a_server_that_goes_fails_all_calls_at_once(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    calls = [
        asyncio.create_task(connection.call("inventory", (f"h{number}",), SECONDS))
        for number in range(50)
    ]
    await until(lambda: bench.running == 50)
    assert bench.server is not None
    for served in list(bench.server.connections):
        served._transport.abort()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, ConnectionLost) for result in results)


async def test_a_slow_answer_costs_its_own_call_only(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    slow = asyncio.create_task(connection.call("inventory", ("h1",), 0.05))
    await until(lambda: bench.running)
    assert await connection.call("ping", (), SECONDS) == "pong"
    with pytest.raises(CallTimedOut) as raised:
        await slow
    assert raised.value.may_have_run
    bench.gate.set()  # The answer comes now, and nobody wants it.
    await until(lambda: not bench.running)
    assert await connection.call("ping", (), SECONDS) == "pong"


async def test_a_peer_that_is_silent_for_a_whole_call_loses_the_connection(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    with pytest.raises(CallTimedOut):
        await connection.call("inventory", ("h1",), 0.01)
    assert not connection.is_open


async def test_calls_beyond_the_limit_wait_their_turn(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect(CallLimits(in_flight_max=3))
    calls = [
        asyncio.create_task(connection.call("inventory", (f"h{number}",), SECONDS))
        for number in range(9)
    ]
    await until(lambda: bench.running == 3)
    for _ in range(5):
        assert len(bench.seen) == 3
        await asyncio.sleep(0)
    bench.gate.set()
    assert [answer.host_id for answer in await asyncio.gather(*calls)] == [
        f"h{number}" for number in range(9)
    ]


async def test_a_call_that_finds_no_room_in_time_was_not_sent(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect(CallLimits(in_flight_max=1, waiting_max=1))
    first = asyncio.create_task(connection.call("inventory", ("h1",), SECONDS))
    await until(lambda: bench.running)
    second = asyncio.create_task(connection.call("ping", (), 0.01))
    await asyncio.sleep(0)
    with pytest.raises(CallTimedOut, match="too many"):
        await connection.call("ping", (), SECONDS)
    with pytest.raises(CallTimedOut) as raised:
        await second
    assert not raised.value.may_have_run
    bench.gate.set()
    await first


async def test_a_server_runs_no_more_calls_of_one_connection_than_it_said(bench: Bench) -> None:
    await bench.start(ServerLimits(running_per_connection_max=4))
    connection = await bench.connect()
    calls = [
        asyncio.create_task(connection.call("inventory", (f"h{number}",), SECONDS))
        for number in range(40)
    ]
    await until(lambda: bench.running == 4)
    bench.gate.set()
    await asyncio.gather(*calls)
    assert bench.running_most == 4


async def test_a_server_runs_no_more_calls_of_all_connections_than_it_said(bench: Bench) -> None:
    await bench.start(ServerLimits(running_max=4))
    connections = [await bench.connect() for _ in range(5)]
    calls = [
        asyncio.create_task(connection.call("inventory", (f"h{number}",), SECONDS))
        for number, connection in enumerate(connections * 4)
    ]
    await until(lambda: bench.running == 4)
    bench.gate.set()
    await asyncio.gather(*calls)
    assert bench.running_most == 4


async def test_calls_of_lost_connections_count_too(bench: Bench) -> None:
    await bench.start(ServerLimits(running_max=1))
    lost, other = await bench.connect(), await bench.connect()
    call = asyncio.create_task(lost.call("inventory", ("h1",), SECONDS))
    await until(lambda: bench.running)
    lost.close()
    await asyncio.wait([call])
    assert isinstance(call.exception(), ConnectionLost)
    waiting = asyncio.create_task(other.call("ping", (), SECONDS))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not waiting.done()
    bench.gate.set()
    assert await waiting == "pong"


async def test_a_server_that_stops_lets_running_calls_end(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect()
    call = asyncio.create_task(connection.call("inventory", ("h1",), SECONDS))
    await until(lambda: bench.running)
    assert bench.server is not None
    stopping = asyncio.create_task(bench.server.stop(SECONDS))
    await asyncio.sleep(0)
    bench.gate.set()
    assert (await call).host_id == "h1"
    await stopping


async def test_a_cancelled_call_frees_its_place(bench: Bench) -> None:
    await bench.start()
    connection = await bench.connect(CallLimits(in_flight_max=1))
    call = asyncio.create_task(connection.call("inventory", ("h1",), SECONDS))
    await until(lambda: bench.running)
    call.cancel()
    await asyncio.wait([call])
    assert await connection.call("ping", (), SECONDS) == "pong"
