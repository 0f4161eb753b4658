"""How much CPU one call of an agent costs, both sides together, in one process over loopback.

Run: python -m bench.rpc_call [--calls 20000] [--in-flight 64] [--uvloop]
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable
from typing import Any

import click
import uvloop

from photon.domain.guest import Guest, GuestDisk, GuestNic, GuestSpec, GuestState, ImageSource
from photon.rpc import agent_messages as messages
from photon.rpc.connection import Connection, connect
from photon.rpc.network import TcpNetwork
from photon.rpc.server import Server

CALL_SECONDS = 30.0
_HOST_ID = "0190b0a3-7a34-7000-8000-000000000001"
_SPEC = GuestSpec(
    vm_id="0190b0a3-7a34-7000-8000-000000000002",
    name="vm-1",
    cpus=2,
    memory_mib=4096,
    datastore_id="sim-datastore",
    image=ImageSource(
        "0190b0a3-7a34-7000-8000-000000000003", "c" * 64, 10**9, "http://images.example/1"
    ),
    disks=(
        GuestDisk("0190b0a3-7a34-7000-8000-000000000004", 10, boot=True),
        GuestDisk("0190b0a3-7a34-7000-8000-000000000005", 40),
    ),
    nics=(GuestNic("VM Network", "02:00:00:00:00:01"),),
    environment={"hostname": "vm-1"},
    project_id="0190b0a3-7a34-7000-8000-000000000006",
)


async def _ping() -> str:
    return "1"


async def _create_vm(host_id: str, fence: int, spec: Any) -> Any:
    asked = messages.spec_of(spec)
    guest = Guest(
        vm_id=asked.vm_id,
        name=asked.name,
        state=GuestState.STOPPED,
        cpus=asked.cpus,
        memory_mib=asked.memory_mib,
        datastore_id=asked.datastore_id,
        disks=asked.disks,
        fence=fence,
    )
    return messages.guest_to(guest)


async def _not_measured(*_arguments: Any) -> None:
    raise AssertionError


async def _measure(call: Callable[[], Awaitable[object]], calls: int, in_flight: int) -> float:
    """CPU microseconds a call."""

    async def caller() -> None:
        for _ in range(calls // in_flight):
            await call()

    await call()
    started = time.process_time()
    await asyncio.gather(*(caller() for _ in range(in_flight)))
    return (time.process_time() - started) / (calls // in_flight * in_flight) * 1e6


async def _run(calls: int, in_flight: int) -> None:
    service = messages.agent_service()
    handlers = dict.fromkeys(service.methods, _not_measured)
    server = Server(service, {**handlers, "ping": _ping, "create_vm": _create_vm})
    network = TcpNetwork()
    endpoint = await server.start(network, "127.0.0.1:0")
    connection = await connect(network, endpoint, service)

    async def create_vm() -> Guest:
        arguments = (_HOST_ID, 7, messages.spec_to(_SPEC))
        return messages.guest_of(await connection.call("create_vm", arguments, CALL_SECONDS))

    click.echo(f"{'call':<12}{'in flight':>10}{'CPU us, both sides':>20}")
    for width in (1, in_flight):
        ping = await _measure(lambda: _call_ping(connection), calls, width)
        click.echo(f"{'ping':<12}{width:>10}{ping:>20.1f}")
        create = await _measure(create_vm, calls, width)
        click.echo(f"{'create_vm':<12}{width:>10}{create:>20.1f}")
    connection.close()
    await server.stop(0)


async def _call_ping(connection: Connection) -> object:
    return await connection.call("ping", (), CALL_SECONDS)


@click.command(help=__doc__)
@click.option("--calls", default=20_000, show_default=True)
@click.option("--in-flight", default=64, show_default=True)
@click.option(
    "--uvloop/--asyncio", "with_uvloop", default=True, help="Which event loop to measure."
)
def main(calls: int, in_flight: int, with_uvloop: bool) -> None:
    gc.set_threshold(50_000, 20, 50)  # as both programs do
    factory = uvloop.new_event_loop if with_uvloop else asyncio.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_run(calls, in_flight))


if __name__ == "__main__":
    main()
