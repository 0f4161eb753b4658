"""An agent's program with its simulated hosts; its journal, and so its guests, outlive it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import parse_qs, urlsplit

from photon.agent.console import (
    CAPTURE_TICKET_SECONDS,
    CAPTURES_PATH,
    CONSOLE_TICKET_SECONDS,
    CaptureTarget,
    ConsoleDoors,
    ConsoleTarget,
)
from photon.agent.drivers.simulated import SimulatedDriver
from photon.agent.drivers.simulated_room import SharedDatastores
from photon.agent.drivers.simulated_site import HostShape, Latencies, SimulatedSite
from photon.agent.hosts import AgentHosts, Credentials
from photon.agent.journal import MemoryJournal
from photon.agent.service import AgentService
from photon.agent.simulation import Simulation, simulate
from photon.agent.tickets import TicketBook
from photon.domain.guest import HostCapacity
from photon.images.errors import ImageToolFailed
from photon.images.fetch import SILENCE_SECONDS
from photon.outside.ids import TimeOrderedIds
from photon.rpc.agent_messages import agent_service
from photon.rpc.server import Server
from photon.simulation.clock import DriftingClock
from photon.simulation.crossing import Died, ask
from photon.simulation.loop import SimulatedLoop
from photon.simulation.network import SimulatedNetwork
from photon.simulation.process import Process
from photon.simulation.trace import Trace

AGENT_PORT: Final = 8835
DOORS_PORT: Final = 8836
CREDENTIALS: Final = Credentials("root", "secret")


@dataclass(frozen=True, slots=True)
class Place:
    """Where simulated agents are: what all of them share."""

    loop: SimulatedLoop
    network: SimulatedNetwork
    trace: Trace
    captures: Path
    shape: HostShape
    latencies: Latencies = field(default_factory=Latencies)
    equipment: Mapping[str, HostCapacity] = field(default_factory=dict)
    # They are the datastores', and outlive every agent.
    shared: SharedDatastores = field(default_factory=SharedDatastores)


class SimulatedAgentProcess:
    """`hosts` and `drivers` are those of its latest life, also while it is dead: then nobody
    changes them, and they say what its journal says. Each life takes `clock` as it finds it."""

    def __init__(self, name: str, addresses: Sequence[str], place: Place, random: Random) -> None:
        self.name = name
        self.addresses = tuple(addresses)
        self.endpoint = f"{name}:{AGENT_PORT}"
        self.journal = MemoryJournal()
        self.clock = DriftingClock(place.loop)
        self._place = place
        self._random = random
        self._simulation: Simulation | None = None
        self._doors: ConsoleDoors | None = None  # of this life
        self.process = Process(name, place.loop)

    @property
    def alive(self) -> bool:
        return self.process.alive

    @property
    def frozen(self) -> bool:
        return self.process.frozen

    @property
    def is_started(self) -> bool:
        """Whether it ever was: before, it has no hosts."""
        return self._simulation is not None

    @property
    def hosts(self) -> AgentHosts:
        assert self._simulation is not None, "start() comes first"
        return self._simulation.hosts

    @property
    def drivers(self) -> Mapping[str, SimulatedDriver]:
        """By address."""
        assert self._simulation is not None, "start() comes first"
        return self._simulation.drivers

    async def start(self) -> None:
        await ask(self.process, self._start)

    def crash(self, *, silently: bool = False) -> None:
        """Kill -9; its guests run on. `silently`: its machine's network is gone too."""
        if self.alive:
            self._place.trace.say("crash", process=self.name, silently=silently)
            if silently:
                self._place.network.conditions.dark.add(self.name)
            self.process.kill(silently=silently)

    async def restart(self) -> None:
        """A new life with the same journal; crashes first, if it lives."""
        self.crash()
        self._place.trace.say("restart", process=self.name)
        self._place.network.conditions.dark.discard(self.name)
        self.process = Process(self.name, self._place.loop)
        await self.start()

    def freeze(self) -> None:
        self._place.trace.say("freeze", process=self.name)
        self.process.freeze()

    def thaw(self) -> None:
        self._place.trace.say("thaw", process=self.name)
        self.process.thaw()

    async def fetch(self, url: str) -> bytes:
        """What the agent's second door has at a URL; OSError if nothing."""
        return await ask(self.process, lambda: self._captured(url))

    async def _start(self) -> None:
        place = self._place
        site = SimulatedSite(
            self.clock,
            place.shape,
            place.latencies,
            self.journal,
            place.captures,
            place.equipment,
            place.shared,
        )
        faults = {}
        if self._simulation is not None:
            faults = {address: driver.faults for address, driver in self.drivers.items()}
        doors = self._doors = self._make_doors()
        ids = TimeOrderedIds(self.clock, self._random.randbytes)
        made = await simulate(self.addresses, site, doors, ids, CREDENTIALS)
        for address, known in faults.items():
            made.drivers[address].faults = known  # They are the host's, and outlive its agent.
        self._simulation = made
        service = AgentService(made.hosts, made.reporter, "simulated")
        server = Server(agent_service(), service.handlers())
        await server.start(place.network.of(self.process), self.endpoint)

    def _make_doors(self) -> ConsoleDoors:
        draw = self._random.randbytes
        consoles: TicketBook[ConsoleTarget] = TicketBook(self.clock, draw, CONSOLE_TICKET_SECONDS)
        captures: TicketBook[CaptureTarget] = TicketBook(self.clock, draw, CAPTURE_TICKET_SECONDS)
        return ConsoleDoors(self.name, DOORS_PORT, consoles, captures)

    async def _captured(self, url: str) -> bytes:
        parts = urlsplit(url)
        [ticket] = parse_qs(parts.query)["ticket"]
        target = self._doors.captures.redeem(ticket) if self._doors is not None else None
        if target is None or parts.path != f"{CAPTURES_PATH}{target.image_id}":
            raise OSError(f"the ticket of {url} was used, is too old, or never was")
        return _content(await target.driver.capture_path(target.image_id))


def _content(path: str) -> bytes:
    return Path(path).read_bytes()


async def fetched(
    agents: Mapping[str, SimulatedAgentProcess], url: str
) -> AsyncGenerator[bytes, None]:
    """As photon.images.fetch: from the agent whose name is in the URL."""
    agent = agents[urlsplit(url).hostname or ""]
    try:
        async with asyncio.timeout(SILENCE_SECONDS):
            content = await agent.fetch(url)
    except (Died, OSError, TimeoutError) as problem:
        raise ImageToolFailed(f"{url} was not fetched: {problem!r}") from problem
    yield content
