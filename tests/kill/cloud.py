"""A cloud of real processes: one controller, and one agent with simulated hosts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from photon.agent.drivers.simulated_site import addresses_of
from photon.agent_client.address import HostAddress
from photon.agent_client.client import AgentClient
from photon.audit.whole import audit
from photon.domain.audit import Violation
from photon.domain.guest import Inventory
from photon.domain.orphan import ORPHAN_GRACE_SECONDS
from photon.outside.clock import RealClock
from photon.reconcilers.guest_watch import GuestWatch
from photon.rpc.network import TcpNetwork
from photon.sdk.client import Client
from photon.store.nouns import HOSTS, NOUNS, TASKS
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.kill.program import Program
from tests.kill.seed import Seeded, seed

HOSTS_SERVED: Final = 20
ANY_PORT: Final = "127.0.0.1:0"
# Each takes a moment, so that a kill finds many of them under way.
LATENCIES: Final = ("create_vm=0.05", "start=0.03", "create_disk=0.02", "delete_vm=0.02")


@dataclass
class Cloud:
    controller: Program
    agent: Program
    folder: Path
    seeded: Seeded

    @property
    def url(self) -> str:
        return str(self.controller.ready["listening"])

    async def end(self) -> None:
        await self.controller.end()
        await self.agent.end()


async def start_cloud(folder: Path) -> Cloud:
    """Up and seeded: a project with quota, flavors, an image, and all hosts provisioned."""
    latencies = [part for each in LATENCIES for part in ("--latency", each)]
    agent = Program(
        "photon.agent",
        folder / "agent.log",
        *("--driver", "simulated", "--hosts", str(HOSTS_SERVED), "--listen", ANY_PORT),
        *("--state-dir", str(folder / "agent"), *latencies),
    )
    controller = Program(
        "photon.controller",
        folder / "controller.log",
        *("--data-dir", str(folder / "controller"), "--listen", ANY_PORT),
    )
    cloud = Cloud(controller, agent, folder, Seeded("", ""))
    try:
        await asyncio.gather(agent.start(), controller.start())
        cloud.seeded = await asyncio.to_thread(_seed, cloud)
    except BaseException:
        await cloud.end()
        raise
    return cloud


def _seed(cloud: Cloud) -> Seeded:
    addresses = addresses_of(HOSTS_SERVED)
    with Client(cloud.url) as client:
        return seed(client, str(cloud.agent.ready["listen"]), addresses, cloud.folder)


class Inside:
    """The store of a controller that is stopped, and its agent, which lives on."""

    def __init__(self, cloud: Cloud) -> None:
        self.clock = ForwardClock()
        path = str(cloud.folder / "controller" / "cloudstore.sqlite")
        self.store = SqliteStore(path, NOUNS, self.clock, SqliteOptions())
        self.agents = AgentClient(TcpNetwork(), self.clock)

    async def close(self) -> None:
        await self.agents.close()
        await self.store.close()

    async def inventories(self) -> list[Inventory]:
        hosts = (await self.store.page(HOSTS, {}, limit=500)).items
        return [
            await self.agents.inventory(HostAddress(host.agent_endpoint, host.id)) for host in hosts
        ]

    async def violations(self) -> list[Violation]:
        return await audit(self.store, await self.inventories())

    async def open_tasks(self) -> int:
        states = ("QUEUED", "STARTED")
        return sum([await self.store.count(TASKS, {"state": state}) for state in states])

    async def sweep(self) -> None:
        """What the duty does in the time that it has."""
        watch = GuestWatch(self.store, self.agents, self.clock)
        await watch.audit_all()
        self.clock.ahead_seconds += ORPHAN_GRACE_SECONDS
        await watch.audit_all()


class ForwardClock(RealClock):
    """The machine's clock, which can be put forward."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def now_ms(self) -> int:
        return super().now_ms() + int(self.ahead_seconds * 1000)

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_seconds
