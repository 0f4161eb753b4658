"""A controller that is to stop says so first, and serves until its farewell is over."""

from __future__ import annotations

import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from tests.kill.program import Program

FAREWELL_SECONDS = 1.5
LONG_FAREWELL_SECONDS = 300  # A test that waits for its end has failed.

pytestmark = pytest.mark.slow

# Who was told to stop, somebody who has a connection to it, and when it was told.
Leaving = tuple[Program, httpx2.AsyncClient, float]


def controller_in(folder: Path, farewell_seconds: float) -> Program:
    return Program(
        "photon.controller",
        folder / "log",
        *("--data-dir", str(folder / "data"), "--listen", "127.0.0.1:0"),
        *("--farewell-seconds", str(farewell_seconds)),
    )


@pytest.fixture
async def leaving(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Leaving]:
    controller = controller_in(tmp_path, request.param)
    await controller.start()
    async with httpx2.AsyncClient(base_url=str(controller.ready["listening"])) as client:
        assert (await client.get("/v1/available")).status_code == 200
        told_at = time.monotonic()
        controller.signal(signal.SIGTERM)
        yield controller, client, told_at
    await controller.end()


@pytest.mark.parametrize("leaving", [FAREWELL_SECONDS], indirect=True)
async def test_it_serves_and_says_that_it_leaves_until_the_farewell_is_over(
    leaving: Leaving,
) -> None:
    controller, client, told_at = leaving
    served_while_leaving = 0
    try:
        while True:
            available = await client.get("/v1/available")
            served = await client.post("/v1/tenants", json={"name": f"t{served_while_leaving}"})
            assert served.status_code == 201, "it serves whatever it is asked for"
            if available.status_code == 503:  # The signal has been heard.
                assert available.headers["connection"] == "close"
                assert served.headers["connection"] == "close"
            served_while_leaving += 1
    except httpx2.TransportError:
        pass  # The farewell is over: nobody listens any more.
    assert await controller.ended() == 0
    assert served_while_leaving > 0
    # Not a measure of speed: a timer never ends too soon, whatever else the machine does.
    assert time.monotonic() - told_at >= FAREWELL_SECONDS, "a balancer must have time to hear it"


@pytest.mark.parametrize("leaving", [LONG_FAREWELL_SECONDS], indirect=True)
async def test_asked_again_it_waits_for_nobody(
    leaving: Leaving,
) -> None:
    controller, client, _ = leaving
    while (await client.get("/v1/available")).status_code != 503:
        continue
    controller.signal(signal.SIGTERM)
    assert await controller.ended() == 0
