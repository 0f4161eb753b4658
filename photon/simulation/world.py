"""A whole cloud: controllers, agents with simulated hosts, a store and a network, from one seed."""

from __future__ import annotations

import gc
import logging
import tempfile
import warnings
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

from photon.agent.drivers.simulated_room import SharedDatastores
from photon.agent.drivers.simulated_site import HostShape, Latencies, addresses_of
from photon.api.plane import Release
from photon.controller.outside import Outside
from photon.coordination.ensemble import Ensemble
from photon.coordination.in_store import StoreCoordination
from photon.coordination.protocol import Coordination
from photon.coordination.terms import LeaseTerms
from photon.coordination.zookeeper import MEMBERS as MEMBERS_PATH
from photon.coordination.zookeeper import ZooKeeperCoordination
from photon.domain.guest import HostCapacity
from photon.outside.ids import TimeOrderedIds
from photon.scheduler.policy import Policy
from photon.scheduler.shape import TreeShape
from photon.simulation.agents import Place, SimulatedAgentProcess, fetched
from photon.simulation.chance import Chance
from photon.simulation.clock import TrueClock
from photon.simulation.controller import SimulatedController, Site
from photon.simulation.coordination import SimulatedEnsemble
from photon.simulation.guard import guarded
from photon.simulation.images import MemoryImages, MemoryShelf
from photon.simulation.invariants import at_once
from photon.simulation.line import Service
from photon.simulation.loop import SimulatedLoop
from photon.simulation.network import SimulatedNetwork
from photon.simulation.process import Process
from photon.simulation.requests import CLIENT, Answer, Client, Request
from photon.simulation.store import StoreServer
from photon.simulation.trace import Trace
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.nouns import MEMBERS, NOUNS
from photon.store.protocol import CloudStore
from photon.store.sqlite import SqliteOptions, SqliteStore
from photon.tasks.execute import StepWitness, nobody_watches

AGENTS_MAX: Final = 32  # More hosts share agents: each agent is a poll that never ends.
ENSEMBLE: Final = "ensemble:2181"  # Shown in the status alone.
RELEASE: Final = Release("simulated", "simulated", "")  # The checkout's own changes with it.
NOTHING: Final[Mapping[str, str]] = {}

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Size:
    """How large a cloud is. `hosts_per_agent` 0: as many as make AGENTS_MAX agents at most.

    `equipment` has hosts, by address, that are not of the common `shape`; `agents` has the
    addresses of hosts by the name of their agent, in place of a number of them. With `ensemble`,
    controllers agree through ZooKeeper, else through the store; None: the seed decides.
    """

    controllers: int = 3
    hosts: int = 20
    hosts_per_agent: int = 0
    zones: int = 2
    leaf_hosts: int = 8
    shape: HostShape = field(default_factory=HostShape)
    latencies: Latencies = field(default_factory=Latencies)
    equipment: Mapping[str, HostCapacity] = field(default_factory=dict)
    ensemble: bool | None = None
    agents: Mapping[str, Sequence[str]] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)

    @property
    def hosts_an_agent(self) -> int:
        return self.hosts_per_agent or -(-self.hosts // AGENTS_MAX)

    def equal_agents(self) -> dict[str, Sequence[str]]:
        addresses, each = addresses_of(self.hosts), self.hosts_an_agent
        groups = [addresses[at : at + each] for at in range(0, self.hosts, each)]
        return {f"agent-{number + 1}": group for number, group in enumerate(groups)}


class World:
    """Made inside of a running SimulatedLoop: see `play`."""

    def __init__(
        self, loop: SimulatedLoop, seed: int, size: Size, place: Path, file: TextIO | None = None
    ) -> None:
        self.loop = loop
        self.size = size
        self.chance = Chance(seed)
        self.clock = TrueClock(loop)
        self.trace = Trace(loop.time, file)
        self.network = SimulatedNetwork(loop, self.chance.stream("network"), self.trace)
        self.store: CloudStore = SqliteStore(
            MEMORY, NOUNS, self.clock, SqliteOptions(durably=Inline())
        )
        self.store_server = StoreServer(
            self.store,
            Service("store", self.chance.stream("store-lines")),
            self.chance.stream("store"),
        )
        through = self.chance.stream("coordination").random() < 0.5
        self.ensemble: SimulatedEnsemble | None = None
        if through if size.ensemble is None else size.ensemble:
            service = Service("ensemble", self.chance.stream("ensemble-lines"))
            self.ensemble = SimulatedEnsemble(service)
        # Who wants to hear what each controller hears is told of each life's store.
        self.store_opened: Callable[[str, CloudStore], None] = lambda name, store: None
        # Who judges what owners of tasks do is told of each step that one of them begins.
        self.step_begun: StepWitness = nobody_watches
        self.shared = SharedDatastores()
        self.agents = self._make_agents(place)
        self.controllers = [
            SimulatedController(f"controller-{number + 1}", self._site())
            for number in range(size.controllers)
        ]
        self.shelf = MemoryShelf()
        self._client = Client(self.network)
        self.clients = self.network.of(Process(CLIENT, loop))

    async def start(self) -> None:
        """All programs are up; no host is known yet."""
        await self.store_server.start()
        for agent in self.agents.values():
            await agent.start()
        for controller in self.controllers:
            await controller.start()

    def is_member(self, id: str) -> bool:
        """Whether somebody is registered as living by this id, in truth."""
        if self.ensemble is not None:
            return self.ensemble.is_there(f"{MEMBERS_PATH}/{id}")
        return at_once(self.store.find(MEMBERS, id)) is not None

    async def put_back(self, truth: CloudStore, *, known: Mapping[str, int] | None = None) -> None:
        """The store is another one from now on: one that was restored, or an older one that took
        its place behind everybody's back (`known`: the writers that it knows)."""
        self.trace.say("store-put-back", revision=await truth.revision())
        await self.store_server.become(truth, known=known or {})
        self.store = truth

    async def close(self) -> None:
        """Kills everything."""
        for controller in self.controllers:
            controller.crash()
        for agent in self.agents.values():
            agent.crash()

    async def request(  # noqa: PLR0913 - a request has so many parts
        self,
        controller: int,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] = NOTHING,
        *,
        seconds: float = 30.0,
    ) -> Answer:
        """As a client somewhere in the network. Raises Lost: it may have happened."""
        asked = Request(method, path, body, headers)
        return await self._client.request(self.controllers[controller], asked, seconds=seconds)

    def _make_agents(self, place: Path) -> dict[str, SimulatedAgentProcess]:
        captures = place / "captures"
        captures.mkdir()
        size = self.size
        ground = Place(
            self.loop,
            self.network,
            self.trace,
            captures,
            size.shape,
            size.latencies,
            size.equipment,
            self.shared,
        )
        return {
            name: SimulatedAgentProcess(name, group, ground, self.chance.stream(name))
            for name, group in (size.agents or size.equal_agents()).items()
        }

    def _site(self) -> Site:
        return Site(
            self.loop,
            self.network,
            self.trace,
            self._outside,
            lambda name: None if self.ensemble is None else self.ensemble.expire(name),
            TreeShape(leaf_hosts_max=self.size.leaf_hosts),
            self.size.policy,
        )

    def _outside(self, controller: SimulatedController) -> Outside:
        controller.process.when_dead(lambda: self.store_server.service.forget(controller.name))
        controller.process.when_dead(lambda: self.shelf.forget(controller.name))
        random = self.chance.stream(f"{controller.name}/{controller.lives}")
        ids = TimeOrderedIds(controller.clock, random.randbytes)
        network = self.network.of(controller.process)

        async def open_store() -> CloudStore:
            store = await self.store_server.open(controller.name, NOUNS, controller.clock)
            self.store_opened(controller.name, store)
            return store

        return Outside(
            clock=controller.clock,
            ids=ids,
            random=random,
            agents=network,
            nodes=network,
            open_store=open_store,
            open_coordination=lambda store, lost: self._coordination(controller, store, lost),
            images=MemoryImages(self.shelf, controller.name),
            release=RELEASE,
            fetch=lambda url: fetched(self.agents, url),
            witness=self.step_begun,
        )

    def _coordination(
        self, controller: SimulatedController, store: CloudStore, lost: Callable[[], None]
    ) -> Coordination:
        clock, ensemble = controller.clock, self.ensemble
        if ensemble is None:
            return StoreCoordination(store, clock, LeaseTerms(), lost, sole=False)
        controller.process.when_dead(lambda: ensemble.service.forget(controller.name))
        sessions = ensemble.sessions_of(controller.name)
        return ZooKeeperCoordination(Ensemble(ENSEMBLE), clock, LeaseTerms(), lost, sessions)


@contextmanager
def _unawaited() -> Iterator[None]:
    """What a program began in the moment of its death never ran, and that is as it must be."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
        yield


def play(
    seed: int,
    size: Size,
    scene: Callable[[World], Coroutine[Any, Any, T]],
    file: TextIO | None = None,
) -> T:
    """Makes a world, lets `scene` do with it what it likes, and ends it; answers what `scene` does.

    `file` gets every line of the trace.
    """
    loop = SimulatedLoop()
    level = logging.root.manager.disable
    logging.disable()  # What programs say to their operators, the trace says better.
    collecting = gc.isenabled()
    gc.disable()  # When it runs depends on all that ever was; what it closes is ours.
    try:
        where = tempfile.TemporaryDirectory(prefix="photon-simulation-")
        with where as place, _unawaited(), guarded():

            async def whole() -> T:
                world = World(loop, seed, size, Path(place), file)
                try:
                    return await scene(world)
                finally:
                    await world.close()

            main = loop.create_task(whole(), context=loop.outside.context.copy())
            return loop.run_until_complete(main)
    finally:
        with _unawaited():
            loop.bury()
        logging.disable(level)
        if collecting:
            gc.enable()
