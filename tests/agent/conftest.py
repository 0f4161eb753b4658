"""Simulated hosts in hand, directly and over the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from photon.agent.drivers.protocol import HostDriver
from photon.agent.drivers.simulated import SimulatedDriver
from photon.agent.drivers.simulated_site import HostShape, SimulatedSite, addresses_of
from photon.agent.hosts import Credentials
from photon.agent.journal import Journal, MemoryJournal
from photon.agent.local import LocalAgents
from photon.agent.service import AgentService
from photon.agent.simulation import Simulation, simulate
from photon.agent_client.address import HostAddress
from photon.agent_client.client import AgentClient
from photon.agent_client.protocol import Agents
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
from photon.rpc.agent_messages import agent_service
from photon.rpc.network import TcpNetwork
from photon.rpc.server import Server

STORE = "sim-datastore"
ENDPOINT = "simulated"


class HandClock(RealClock):
    """A clock that stands until it is moved; sleeping takes no time on it."""

    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def now_ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class PaperDoors:
    """Tickets that open nothing."""

    def console(self, driver: HostDriver, vm_id: str, kind: ConsoleKind) -> ConsoleTicket:
        return ConsoleTicket("127.0.0.1", 1, "/console", f"{vm_id}-{kind.name}", 60)

    def capture_url(self, driver: HostDriver, image_id: str) -> str:
        return f"http://127.0.0.1:1/captures/{image_id}"


@dataclass
class Plane:
    """A few simulated hosts, owned, and all that can be done to them."""

    agents: Agents
    simulation: Simulation
    journal: Journal
    captures: Path
    clock: HandClock
    endpoint: str = ENDPOINT
    shape: HostShape = field(default_factory=HostShape)
    fence: int = 0

    @property
    def host(self) -> HostAddress:
        return HostAddress(self.endpoint, "host-1")

    @property
    def driver(self) -> SimulatedDriver:
        return self.simulation.drivers["sim-00001"]

    def next_fence(self) -> int:
        self.fence += 1
        return self.fence


def a_provision(number: int = 1, **changes: object) -> Provision:
    made = Provision(f"host-{number}", f"sim-{number:05}", "root", "secret", 1.0, 1.0)
    return msgspec.structs.replace(made, **changes)


def a_spec(vm_id: str = "vm-1", **changes: object) -> GuestSpec:
    spec = GuestSpec(
        vm_id=vm_id,
        name=f"name-of-{vm_id}",
        cpus=1,
        memory_mib=512,
        datastore_id=STORE,
        image=ImageSource("image-1", "ab" * 32, 1 << 20, "http://images.invalid/1"),
        disks=(GuestDisk(f"boot-of-{vm_id}", 1, boot=True, datastore_id=STORE),),
        nics=(GuestNic("VM Network", "02:00:00:00:00:01"),),
    )
    return msgspec.structs.replace(spec, **changes)


def a_disk(disk_id: str = "disk-1", gib: int = 2) -> GuestDisk:
    return GuestDisk(disk_id, gib, persistent=True, datastore_id=STORE)


async def start(
    journal: Journal,
    captures: Path,
    clock: HandClock,
    *,
    hosts: int = 2,
    shape: HostShape | None = None,
    credentials: Credentials | None = None,
) -> Simulation:
    site = SimulatedSite(clock, shape or HostShape(), journal=journal, captures=captures)
    ids = TimeOrderedIds(RealClock())
    return await simulate(addresses_of(hosts), site, PaperDoors(), ids, credentials)


@pytest.fixture(params=["local", "wire"])
async def plane(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Plane]:
    """One host of two is provisioned, as `host-1`; calls go over TCP, and directly."""
    journal, clock = MemoryJournal(), HandClock()
    simulation = await start(journal, tmp_path, clock)
    if request.param == "local":
        agents: Agents = LocalAgents({ENDPOINT: simulation.agent})
        plane = Plane(agents, simulation, journal, tmp_path, clock)
        await plane.agents.provision(plane.endpoint, a_provision())
        yield plane
        return
    service = AgentService(simulation.hosts, simulation.reporter, "simulated")
    server = Server(agent_service(), service.handlers())
    endpoint = await server.start(TcpNetwork(), "127.0.0.1:0")
    client = AgentClient(TcpNetwork(), RealClock())
    plane = Plane(client, simulation, journal, tmp_path, clock, endpoint)
    await plane.agents.provision(plane.endpoint, a_provision())
    yield plane
    await client.close()
    await server.stop(0)


@pytest.fixture
async def local(tmp_path: Path) -> Plane:
    """As `plane`, called directly only: for rules that the wire cannot change."""
    journal, clock = MemoryJournal(), HandClock()
    simulation = await start(journal, tmp_path, clock)
    plane = Plane(LocalAgents({ENDPOINT: simulation.agent}), simulation, journal, tmp_path, clock)
    await plane.agents.provision(plane.endpoint, a_provision())
    return plane


async def restarted(plane: Plane) -> Plane:
    """The agent dies and comes back; the hosts and what they remember are the same."""
    simulation = await start(plane.journal, plane.captures, plane.clock)
    agents = LocalAgents({ENDPOINT: simulation.agent})
    return Plane(agents, simulation, plane.journal, plane.captures, plane.clock, fence=plane.fence)
