"""What simulated hosts cost: memory per host and guest, CPU per create, and the price of reports.

Run: python -m bench.simulated_hosts [--hosts 10000] [--guests-per-host 10]
"""

from __future__ import annotations

import asyncio
import gc
import time
from pathlib import Path

import click

from photon.agent.doors import Doors
from photon.agent.drivers.protocol import HostDriver
from photon.agent.drivers.simulated_site import SHARED_DATASTORE, SimulatedSite, addresses_of
from photon.agent.simulation import Simulation, simulate
from photon.domain.guest import (
    ConsoleKind,
    ConsoleTicket,
    GuestDisk,
    GuestNic,
    GuestSpec,
    ImageSource,
    Provision,
)
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from photon.rpc import agent_messages
from photon.rpc.messages import Messages

IDS = TimeOrderedIds(RealClock())
IMAGE = ImageSource(IDS.new(), "ab" * 32, 1 << 30, "http://images.example/1")


class NoDoors:
    def console(self, driver: HostDriver, vm_id: str, kind: ConsoleKind) -> ConsoleTicket:
        raise AssertionError

    def capture_url(self, driver: HostDriver, image_id: str) -> str:
        raise AssertionError


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def _a_spec(number: int) -> GuestSpec:
    mac = f"02:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    return GuestSpec(
        vm_id=IDS.new(),
        name=f"vm-{number}",
        cpus=1,
        memory_mib=1024,
        datastore_id=SHARED_DATASTORE,
        image=IMAGE,
        disks=(GuestDisk(IDS.new(), 10, boot=True, datastore_id=SHARED_DATASTORE),),
        nics=(GuestNic("VM Network", mac),),
        project_id=IMAGE.id,
    )


async def _owned(hosts: int) -> tuple[Simulation, list[str]]:
    doors: Doors = NoDoors()
    simulation = await simulate(addresses_of(hosts), SimulatedSite(RealClock()), doors, IDS)
    host_ids = [IDS.new() for _ in range(hosts)]
    for number, host_id in enumerate(host_ids, start=1):
        request = Provision(host_id, f"sim-{number:05}", "root", "secret")
        await simulation.hosts.provision(request)
    return simulation, host_ids


async def _fill(simulation: Simulation, host_ids: list[str], guests_per_host: int) -> float:
    """CPU microseconds a create, the making of its specification not counted."""
    spent = 0.0
    for turn in range(guests_per_host):
        specs = [_a_spec(turn * len(host_ids) + number) for number in range(len(host_ids))]
        started = time.process_time()
        for host_id, spec in zip(host_ids, specs, strict=True):
            await (await simulation.hosts.host(host_id)).create_vm(1, spec)
        spent += time.process_time() - started
    return spent / (guests_per_host * len(host_ids)) * 1e6


async def _tour(simulation: Simulation) -> tuple[int, float, float]:
    """Pages of a full report, its CPU seconds, and CPU milliseconds of a heartbeat on the wire."""
    started = time.process_time()
    batch = await simulation.reporter.report("", 0, 0)
    pages = 1
    while batch.more:
        batch = await simulation.reporter.report(batch.boot_id, batch.cursor, 0)
        pages += 1
    toured = time.process_time()
    service = agent_messages.agent_service()
    method, messages = service.methods["report"], Messages(service)
    result = method.result()
    result.success = agent_messages.batch_to(batch)
    frame = messages.reply(method, 1, result)
    _, answer = messages.read_reply(frame[4:], {1: method})
    agent_messages.batch_of(answer.success)
    return pages, toured - started, (time.process_time() - toured) * 1000


async def _run(hosts: int, guests_per_host: int) -> None:
    before = _resident_bytes()
    simulation, host_ids = await _owned(hosts)
    gc.collect()
    with_hosts = _resident_bytes()
    create_us = await _fill(simulation, host_ids, guests_per_host)
    gc.collect()
    with_guests = _resident_bytes()
    pages, tour_seconds, heartbeat_ms = await _tour(simulation)
    guests = hosts * guests_per_host
    click.echo(f"{hosts} hosts, {guests} guests, {with_guests >> 20} MiB resident")
    click.echo(f"bytes a host     {(with_hosts - before) / hosts:10.0f}")
    click.echo(f"bytes a guest    {(with_guests - with_hosts) / guests:10.0f}")
    click.echo(f"create, CPU us   {create_us:10.1f}")
    click.echo(f"full report      {pages:10} pages, {tour_seconds:.2f} CPU s")
    click.echo(f"last page, wire  {heartbeat_ms:10.1f} CPU ms, both sides")


@click.command(help=__doc__)
@click.option("--hosts", default=10_000, show_default=True)
@click.option("--guests-per-host", default=10, show_default=True)
def main(hosts: int, guests_per_host: int) -> None:
    gc.set_threshold(50_000, 20, 50)  # as the agent does
    asyncio.run(_run(hosts, guests_per_host))


if __name__ == "__main__":
    main()
