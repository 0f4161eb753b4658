"""What one request costs the controller's process in CPU, through uvicorn, httptools and uvloop.

Run: python -m bench.edge [--requests 20000] [--connections 16] [--profile FILE]

A second process serves the API from a store in a file; this one sends the requests and reads, from
the kernel, what all threads of that process used meanwhile.
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import itertools
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import click
import uvicorn
import uvloop

from photon.api.direct import DirectEdge
from photon.api.edge import make_app
from photon.api.plane import Instance, Plane, Release
from photon.api.routes import ROUTES
from photon.api.waiting import TaskWaiting
from photon.controller.http_protocol import protocol_with
from photon.controller.system_row import SystemRow
from photon.images.library import ImageLibrary
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from photon.scheduler.leaf import Leaf
from photon.scheduler.root import Root
from photon.store.nouns import NOUNS
from photon.store.sqlite import SqliteOptions, SqliteStore
from photon.tasks.runner import TaskLimits, TaskRunner

HEAD_END = b"\r\n\r\n"
Request = Callable[[int], bytes]


async def _serve(listener: socket.socket, folder: Path) -> None:
    clock = RealClock()
    ids = TimeOrderedIds(clock)
    store = SqliteStore(str(folder / "store.db"), NOUNS, clock, SqliteOptions())
    system = SystemRow(store, clock)
    await system.load()

    async def instances() -> list[Instance]:
        return []

    plane = Plane(
        store=store,
        runner=TaskRunner(store, clock, {}, ids.new(), TaskLimits()),
        clock=clock,
        ids=ids,
        images=ImageLibrary(folder, ids),
        ends=TaskWaiting(store),
        release=Release("0", "0", "0"),
        system=system.get,
        scheduler=Root([Leaf(clock)], random.Random()),
        instances=instances,
    )
    config = uvicorn.Config(
        cast(Any, make_app(plane, ROUTES)),
        http=protocol_with(ids, DirectEdge(plane, ROUTES)),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    await uvicorn.Server(config).serve(sockets=[listener])
    await store.close()


def _cpu_us(pid: int) -> float:
    """CPU time of all threads of a process so far."""
    times = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(file.read_text().split()[0]) for file in times) / 1e3


async def _drive(port: int, requests: int, connections: int, request: Request) -> None:
    numbers = iter(range(requests))

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in numbers:
            writer.write(request(number))
            await _answer(reader)
        writer.close()

    await asyncio.gather(*(one() for _ in range(connections)))


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(HEAD_END)
    assert head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")), head
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length")
    )
    return await reader.readexactly(length)


def _http(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: api.test:9000\r\nAccept-Encoding: gzip\r\n"
    if body:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def _run(port: int, pid: int, requests: int, connections: int) -> None:
    def tenant(number: int) -> bytes:
        return _http("POST", "/v1/tenants", b'{"name": "t%d"}' % number)

    counter = itertools.count(requests)  # names of the warm-up do not clash with the others
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(tenant(next(counter)))
    made = await _answer(reader)
    writer.close()
    at = made.index(b'"entity":{"kind":"tenant","id":"') + 32
    id = made[at : at + 36].decode()
    task_id = made[7:43].decode()
    kinds: dict[str, Request] = {
        "GET /v1/available": lambda n: _http("GET", "/v1/available"),
        "GET /v1/tenants/{id}": lambda n: _http("GET", f"/v1/tenants/{id}"),
        "GET /v1/tasks/{id}": lambda n: _http("GET", f"/v1/tasks/{task_id}"),
        "GET /v1/tenants?pageSize=20": lambda n: _http("GET", "/v1/tenants?pageSize=20"),
        "POST /v1/tenants": tenant,
    }
    click.echo(f"{'request':<30}{'CPU us':>9}{'requests/s':>12}")
    for name, request in kinds.items():
        if not name.startswith("POST"):
            await _drive(port, requests // 10, connections, request)
        began, cpu = time.perf_counter(), _cpu_us(pid)
        await _drive(port, requests, connections, request)
        took = time.perf_counter() - began
        click.echo(f"{name:<30}{(_cpu_us(pid) - cpu) / requests:>9.1f}{requests / took:>12.0f}")


@contextmanager
def _server(folder: str, profile: str | None) -> Iterator[tuple[int, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    more = ["--profile", profile] if profile else []
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "bench.edge"),
            *("--serve", str(listener.fileno()), "--folder", folder, *more),
        ],
        pass_fds=[listener.fileno()],
    )
    listener.close()  # The server alone has it now: if that ends, callers are told.
    try:
        yield port, process.pid
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)


@click.command(help=__doc__)
@click.option("--requests", default=20_000, show_default=True)
@click.option("--connections", default=16, show_default=True)
@click.option("--profile", default=None, help="Where the server writes what it spent time on.")
@click.option("--serve", type=int, default=None, hidden=True)
@click.option("--folder", default="", hidden=True)
def main(
    requests: int, connections: int, profile: str | None, serve: int | None, folder: str
) -> None:
    gc.set_threshold(50_000, 20, 50)  # as the controller does
    if serve is None:
        with tempfile.TemporaryDirectory() as place, _server(place, profile) as (port, pid):
            uvloop.run(_run(port, pid, requests, connections))
        return
    profiler = cProfile.Profile() if profile else None
    if profiler:
        profiler.enable()
    with suppress(KeyboardInterrupt):
        uvloop.run(_serve(socket.socket(fileno=serve), Path(folder)))
    if profiler:
        profiler.disable()
        profiler.dump_stats(str(profile))


if __name__ == "__main__":
    main()
