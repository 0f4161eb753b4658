"""An agent put together: its hosts, its two doors, and the order in which they open and close."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from photon.agent import state_dir
from photon.agent.changes import ChangeLog
from photon.agent.config import AgentConfig, BadConfig, DatastoreConfig, DriverName
from photon.agent.console import (
    CAPTURE_TICKET_SECONDS,
    CONSOLE_TICKET_SECONDS,
    ConsoleApp,
    ConsoleDoors,
)
from photon.agent.console_server import ConsoleServer, bind, endpoint_of
from photon.agent.doors import Doors
from photon.agent.drivers.protocol import HostDriver
from photon.agent.drivers.simulated_site import SimulatedSite, addresses_of
from photon.agent.host import AgentHost, HostParts
from photon.agent.hosts import AgentHosts
from photon.agent.journal import FileJournal, Journal, NullJournal, by_host
from photon.agent.reports import Reporter
from photon.agent.service import AgentService
from photon.agent.simulation import simulate
from photon.agent.tickets import TicketBook
from photon.domain.guest import Refusal
from photon.outside.clock import Clock, RealClock
from photon.outside.ids import Ids, TimeOrderedIds
from photon.rpc.agent_messages import agent_service
from photon.rpc.network import TcpNetwork, split_endpoint
from photon.rpc.server import Server

# A create or an orderly stop under way ends; what takes longer is cut off and asked for again.
STOP_SECONDS = 10.0
JOURNAL_FILE = "journal"
CAPTURES_DIR = "captures"
QEMU_DIR = "qemu"
QEMU_ADDRESS = "local"  # The only host's name in the journal; it answers to every address.


class Ready(msgspec.Struct, frozen=True):
    """What an agent says of itself when it can be called."""

    listen: str
    console_listen: str
    driver: str
    hosts: int
    pid: int


class _Agent(msgspec.Struct, frozen=True):
    hosts: AgentHosts
    reporter: Reporter


async def serve(config: AgentConfig, stop: asyncio.Event, ready: Callable[[Ready], None]) -> None:
    """Runs an agent until `stop` is set; guests run on.

    Raises:
        BadConfig: it cannot start so; the sentence says what to change.
    """
    clock = RealClock()
    ids = TimeOrderedIds(clock)
    async with AsyncExitStack() as stack:
        if config.state_dir is not None:
            stack.enter_context(state_dir.held(config.state_dir))
        try:
            bound = bind(config.console_listen)
        except OSError as problem:
            raise BadConfig(f"Cannot listen on {config.console_listen}: {problem}.") from problem
        stack.callback(bound.close)
        doors = _doors(config, endpoint_of(bound), clock)
        agent = await stack.enter_async_context(_agent(config, clock, ids, doors))
        console = ConsoleServer(ConsoleApp(doors), bound)
        console.start()
        stack.push_async_callback(console.stop)
        listen = await stack.enter_async_context(_rpc(config, agent))
        ready(
            Ready(
                listen, endpoint_of(bound), config.driver, len(agent.hosts.addresses), os.getpid()
            )
        )
        await stop.wait()


def _doors(config: AgentConfig, bound: str, clock: Clock) -> ConsoleDoors:
    host, port = split_endpoint(bound)
    return ConsoleDoors(
        config.console_host or host,
        port,
        TicketBook(clock, os.urandom, CONSOLE_TICKET_SECONDS),
        TicketBook(clock, os.urandom, CAPTURE_TICKET_SECONDS),
    )


@asynccontextmanager
async def _rpc(config: AgentConfig, agent: _Agent) -> AsyncIterator[str]:
    """The RPC server, while the block runs; its endpoint."""
    service = AgentService(agent.hosts, agent.reporter, _version())
    server = Server(agent_service(), service.handlers())
    network = TcpNetwork(server_tls=config.tls.context() if config.tls else None)
    try:
        endpoint = await server.start(network, config.listen)
    except OSError as problem:
        raise BadConfig(f"Cannot listen on {config.listen}: {problem}.") from problem
    try:
        yield endpoint
    finally:
        agent.reporter.end()
        await server.stop(STOP_SECONDS)


@asynccontextmanager
async def _agent(
    config: AgentConfig, clock: Clock, ids: Ids, doors: Doors
) -> AsyncIterator[_Agent]:
    """The hosts, open while the block runs."""
    journal = _journal(config)
    try:
        with ExitStack() as stack:
            if config.driver is DriverName.SIMULATED:
                # Only who keeps no state: what is in it outlives an agent that is killed.
                place = config.state_dir or Path(
                    stack.enter_context(tempfile.TemporaryDirectory(prefix="photon-agent-"))
                )
                site = _site(config, clock, journal, place)
                addresses = addresses_of(config.simulated.hosts, config.simulated.first_host)
                made = await simulate(addresses, site, doors, ids, config.credentials)
                agent = _Agent(made.hosts, made.reporter)
            else:
                agent = await _qemu_agent(
                    config, HostParts(journal, clock, ChangeLog(), doors), ids
                )
            try:
                yield agent
            finally:
                await agent.hosts.close()
    finally:
        journal.close()


def _journal(config: AgentConfig) -> Journal:
    if config.state_dir is None:
        return NullJournal()
    # What a power cut takes from simulated hosts never was.
    durable = config.driver is DriverName.QEMU
    return FileJournal(config.state_dir / JOURNAL_FILE, fsync=durable)


def _site(config: AgentConfig, clock: Clock, journal: Journal, place: Path) -> SimulatedSite:
    captures = place / CAPTURES_DIR
    captures.mkdir(exist_ok=True)
    simulated = config.simulated
    return SimulatedSite(clock, simulated.shape, simulated.latencies, journal, captures)


async def _qemu_agent(config: AgentConfig, parts: HostParts, ids: Ids) -> _Agent:
    remembered = by_host(parts.journal.items()).get(QEMU_ADDRESS, {})
    host = AgentHost(QEMU_ADDRESS, _qemu_driver(config, ids), parts, remembered)
    hosts = AgentHosts([host], parts.changes, any_address=True, credentials=config.credentials)
    try:
        await hosts.open()
    except Refusal as problem:
        raise BadConfig(problem.message) from problem
    return _Agent(hosts, Reporter(ids.new(), hosts, parts.changes, parts.clock))


def _qemu_driver(config: AgentConfig, ids: Ids) -> HostDriver:
    # Imported here: simulated agents start without any of it.
    from photon.agent.drivers.qemu.driver import QemuDriver
    from photon.agent.drivers.qemu.settings import (
        DEFAULT_POOL,
        Accel,
        DatastoreSettings,
        NetworkSettings,
        QemuSettings,
    )

    assert config.state_dir is not None, "checked by AgentConfig"
    state = config.state_dir.absolute()
    stores = config.qemu.datastores or (DatastoreConfig("local", state / "datastore"),)
    return QemuDriver(
        QemuSettings(
            state_dir=state / QEMU_DIR,
            datastores=tuple(
                [DatastoreSettings(each.name, each.directory, each.shared) for each in stores]
            ),
            networks=NetworkSettings(
                config.qemu.networks,
                config.qemu.network_pool or DEFAULT_POOL,
                scope=config.qemu.network_scope,
            ),
            accel=Accel(config.qemu.accel),
        ),
        ids,
    )


def _version() -> str:
    try:
        return version("photon-controller")
    except PackageNotFoundError:
        return "checkout"
