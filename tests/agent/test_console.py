"""Consoles and captures through a real socket, as a browser and a controller meet them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from photon.agent.console import ConsoleApp, ConsoleDoors
from photon.agent.console_server import ConsoleServer, bind, endpoint_of
from photon.agent.drivers.simulated import SimulatedDriver
from photon.agent.drivers.simulated_console import SCREEN_GREETING, SERIAL_BANNER
from photon.agent.drivers.simulated_site import SimulatedSite
from photon.agent.tickets import TicketBook
from photon.domain.guest import ConsoleKind, PowerOp
from photon.rpc.network import split_endpoint
from tests.agent.conftest import HandClock, a_spec

SECONDS = 20.0


@dataclass
class Door:
    driver: SimulatedDriver
    doors: ConsoleDoors
    clock: HandClock
    http: httpx2.AsyncClient
    endpoint: str
    server: ConsoleServer

    def console(self, kind: ConsoleKind = ConsoleKind.SERIAL) -> str:
        """The address of a console, as its ticket says it."""
        made = self.doors.console(self.driver, "vm-1", kind)
        return f"ws://{made.host}:{made.port}{made.path}?ticket={made.ticket}"

    async def refusal(self, url: str) -> tuple[int, str]:
        """The status and the code with which a WebSocket or a download is refused."""
        upgrade = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
        }
        headers = upgrade if "/console" in url else {}
        answer = await self.http.get(url.replace("ws://", "http://"), headers=headers)
        return answer.status_code, json.loads(answer.content)["code"]


async def heard(console: ClientConnection) -> bytes:
    """The next message; ConnectionClosed when the other side ended it."""
    async with asyncio.timeout(SECONDS):
        return await console.recv(decode=False)


async def listen_for_ever(console: ClientConnection) -> None:
    while True:
        await heard(console)


async def ends(console: ClientConnection) -> None:
    """Passes when the other side ends the console, whatever it says before."""
    with pytest.raises(ConnectionClosed):
        await listen_for_ever(console)


@asynccontextmanager
async def a_door(captures: Path, idle_seconds: float = SECONDS) -> AsyncIterator[Door]:
    clock = HandClock()
    driver = SimulatedDriver("sim-00001", SimulatedSite(clock, captures=captures))
    await driver.open(lambda _: None)
    await driver.fetch_image(a_spec().image)
    await driver.create_vm(a_spec())
    bound = bind("127.0.0.1:0")
    host, port = split_endpoint(endpoint_of(bound))
    doors = ConsoleDoors(
        host, port, TicketBook(clock, os.urandom, 60), TicketBook(clock, os.urandom, 60)
    )
    server = ConsoleServer(ConsoleApp(doors, idle_seconds), bound)
    server.start()
    async with httpx2.AsyncClient(timeout=SECONDS) as http:
        yield Door(driver, doors, clock, http, f"http://{host}:{port}", server)
    await server.stop()


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    async with a_door(tmp_path) as door:
        await door.driver.power("vm-1", PowerOp.START)
        yield door


async def test_a_ticket_opens_the_serial_line_both_ways(door: Door) -> None:
    async with connect(door.console()) as console:
        assert await heard(console) == SERIAL_BANNER
        await console.send(b"hello")
        assert await heard(console) == b"hello"
        await console.send("typed")
        assert await heard(console) == b"typed"


async def test_a_ticket_opens_the_screen(door: Door) -> None:
    url = door.console(ConsoleKind.VNC)
    async with connect(url, subprotocols=[Subprotocol("binary")]) as console:
        assert console.subprotocol == "binary"
        assert await heard(console) == SCREEN_GREETING


async def test_a_ticket_opens_once(door: Door) -> None:
    url = door.console()
    async with connect(url):
        pass
    assert await door.refusal(url) == (403, "AccessForbidden")


async def test_an_old_or_made_up_ticket_opens_nothing(door: Door) -> None:
    url = door.console()
    door.clock.seconds += 60
    assert await door.refusal(url) == (403, "AccessForbidden")
    assert await door.refusal(f"{door.endpoint}/console?ticket=guess") == (403, "AccessForbidden")
    assert await door.refusal(f"{door.endpoint}/console") == (403, "AccessForbidden")
    long = f"{door.endpoint}/console?ticket={'x' * 5000}"
    assert await door.refusal(long) == (403, "AccessForbidden")


async def test_a_guest_that_stopped_meanwhile_has_no_console(door: Door) -> None:
    url = door.console()
    await door.driver.power("vm-1", PowerOp.STOP)
    assert await door.refusal(url) == (404, "TICKET_UNAVAILABLE")


async def test_a_console_ends_with_its_guest(door: Door) -> None:
    async with connect(door.console()) as console:
        await heard(console)
        await door.driver.power("vm-1", PowerOp.STOP)
        await ends(console)


async def test_a_console_that_nobody_uses_is_closed(tmp_path: Path) -> None:
    async with a_door(tmp_path, idle_seconds=0.05) as door:
        await door.driver.power("vm-1", PowerOp.START)
        async with connect(door.console()) as console:
            await heard(console)
            await ends(console)


async def test_a_reader_that_does_not_read_holds_up_its_own_guest_only(door: Door) -> None:
    lazy = await connect(door.console())
    for _ in range(200):
        await lazy.send(b"x" * 60_000)
    async with connect(door.console()) as console:
        assert await heard(console) == SERIAL_BANNER
    await lazy.close()


async def test_a_capture_is_fetched_once_and_is_what_it_says(door: Door) -> None:
    await door.driver.power("vm-1", PowerOp.STOP)
    made = await door.driver.capture("vm-1", "image-9")
    url = door.doors.capture_url(door.driver, "image-9")
    content = (await door.http.get(url)).content
    assert hashlib.sha256(content).hexdigest() == made.checksum
    assert len(content) == made.file_size_bytes
    assert await door.refusal(url) == (403, "AccessForbidden")


async def test_a_capture_needs_the_ticket_of_its_own_image(door: Door) -> None:
    url = door.doors.capture_url(door.driver, "image-9")
    assert await door.refusal(url.replace("image-9", "image-8")) == (403, "AccessForbidden")
    url = door.doors.capture_url(door.driver, "image-9")
    assert await door.refusal(url) == (404, "IMAGE_UNAVAILABLE")


async def test_nothing_else_is_behind_the_door(door: Door) -> None:
    assert await door.refusal(f"{door.endpoint}/") == (404, "NotFound")
    assert await door.refusal(f"{door.endpoint}/../secrets") == (404, "NotFound")
    assert (await door.http.post(f"{door.endpoint}/captures/x")).status_code == 405
    assert (await door.http.get(f"{door.endpoint}/console")).status_code == 426


async def test_a_server_that_stops_closes_its_consoles(door: Door) -> None:
    console = await connect(door.console())
    await heard(console)
    await door.server.stop()
    await ends(console)
