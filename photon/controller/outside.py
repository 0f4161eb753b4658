"""What a controller takes from outside itself: real in a program, owned by a simulation."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from random import Random

from photon.api.plane import Release
from photon.controller.config import ControllerConfig
from photon.controller.release import release
from photon.coordination.in_store import StoreCoordination
from photon.coordination.protocol import Coordination
from photon.images.fetch import fetch
from photon.images.library import ImageLibrary
from photon.images.protocol import Images
from photon.outside.clock import Clock, RealClock
from photon.outside.ids import Ids, TimeOrderedIds
from photon.rpc.network import Network, TcpNetwork
from photon.store.nouns import NOUNS
from photon.store.opening import open_store
from photon.store.protocol import CloudStore
from photon.tasks.execute import StepWitness, nobody_watches

OpenStore = Callable[[], Awaitable[CloudStore]]
# Its arguments: the store, and what is called when this controller was declared dead.
OpenCoordination = Callable[[CloudStore, Callable[[], None]], Coordination]


@dataclass(frozen=True, slots=True)
class Outside:
    """`agents` leads to agents, `nodes` to other controllers: None where there can be none.

    `fetch` reads what a host offers at a URL. `release` is what this program is. `witness` is told
    of the steps of tasks.
    """

    clock: Clock
    ids: Ids
    random: Random
    agents: Network
    nodes: Network | None
    open_store: OpenStore
    open_coordination: OpenCoordination
    images: Images
    release: Release
    fetch: Callable[[str], AsyncGenerator[bytes, None]] = fetch
    witness: StepWitness = nobody_watches


def real_outside(config: ControllerConfig) -> Outside:
    """The machine's clock and chance, TCP, and what the configuration names."""
    clock = RealClock()
    ids = TimeOrderedIds(clock)
    return Outside(
        clock=clock,
        ids=ids,
        random=Random(),
        agents=TcpNetwork(config.agents_tls.client()) if config.agents_tls else TcpNetwork(),
        nodes=None if config.embedded else _nodes(config),
        open_store=lambda: open_store(config.store or str(config.store_path), NOUNS, clock),
        open_coordination=_coordination(config, clock),
        images=ImageLibrary(config.image_dir, ids),
        release=release(),
    )


def _nodes(config: ControllerConfig) -> Network:
    tls = config.nodes_tls
    return TcpNetwork(tls.client(), tls.server()) if tls else TcpNetwork()


def _coordination(config: ControllerConfig, clock: Clock) -> OpenCoordination:
    def in_store(store: CloudStore, lost: Callable[[], None]) -> Coordination:
        return StoreCoordination(store, clock, config.lease, lost, sole=config.embedded)

    ensemble = config.ensemble
    if ensemble is None:
        return in_store
    # Only here: without an ensemble, a controller starts without loading its client.
    from photon.coordination.zookeeper import ZooKeeperCoordination

    return lambda _, lost: ZooKeeperCoordination(ensemble, clock, config.lease, lost)
