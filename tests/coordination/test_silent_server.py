"""A ZooKeeper server that is cut off costs a moment, and not the session."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from photon.coordination.ensemble import Ensemble
from photon.coordination.zookeeper_session import ZooKeeperSession

SESSION_SECONDS = 20.0


@pytest.fixture
def hole() -> Iterator[tuple[str, int]]:
    """An address where nobody ever accepts or refuses: its queue is full."""
    with contextlib.ExitStack() as stack:
        door = stack.enter_context(socket.socket())
        door.bind(("127.0.0.1", 0))
        door.listen(0)
        for _ in range(4):
            queued = stack.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(door.getsockname())
        yield door.getsockname()


async def test_one_that_does_not_even_refuse_is_given_up_long_before_the_session_ends(
    hole: tuple[str, int],
) -> None:
    host, port = hole
    session = ZooKeeperSession(
        Ensemble(f"{host}:{port}", "/photon"), SESSION_SECONDS, _nothing, _nothing
    )
    connect = session._client.handler.create_connection
    # It would wait for the whole session; so will this test, if it does.
    async with asyncio.timeout(SESSION_SECONDS / 2):
        with pytest.raises(TimeoutError):
            await asyncio.to_thread(connect, address=hole, timeout=SESSION_SECONDS)


def _nothing() -> None:
    return
