"""A small cloud without a controller: a store in a file, and simulated hosts that remember.

What a `World` holds outlives every controller (`Life`) that works on it. It can be written down
(`Template`) and made again as it was, so that no try of a proof sees another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from photon.agent.drivers.simulated_site import HostShape, SimulatedSite, addresses_of
from photon.agent.journal import MemoryJournal
from photon.agent.local import LocalAgent, LocalAgents
from photon.agent.simulation import Simulation, simulate
from photon.agent_client.address import HostAddress
from photon.agent_client.protocol import Agents
from photon.audit.whole import audit
from photon.domain.audit import Violation
from photon.domain.guest import Inventory, Refusal
from photon.domain.orphan import ORPHAN_GRACE_SECONDS
from photon.domain.task import Task
from photon.images.library import ImageLibrary
from photon.reconcilers.debts import Debts
from photon.reconcilers.guest_watch import GuestWatch
from photon.reconcilers.host_register import HostRegister
from photon.store.durably import Inline
from photon.store.nouns import (
    HOSTS,
    IDEMPOTENT_ANSWERS,
    MEMBERS,
    MISSING_HOSTS,
    NOUNS,
    PROJECTS,
    TASKS,
    TENANTS,
)
from photon.store.protocol import Delete
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.agent.conftest import PaperDoors
from tests.tasks.fate import Fate
from tests.tasks.life import Life, Surroundings

ENDPOINT: Final = "agent.test:8835"
SHAPE: Final = HostShape(cpus=4, memory_mib=4096, datastore_gib=100, datastore_shared=False)
START_SECONDS: Final = 1_700_000_000.0
CHECKSUM: Final = "ab" * 32
_NEVER_THE_SAME: Final = (MEMBERS.name, IDEMPOTENT_ANSWERS.name)

Json = dict[str, Any]


class WorldClock:
    """Stands still until somebody sleeps; sleeping takes no time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def now_ms(self) -> int:
        return int(self.seconds * 1000)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        await asyncio.sleep(0)


class CountedIds:
    """The same names in the same order, each time a world is made again."""

    def __init__(self, given: int) -> None:
        self.given = given

    def new(self) -> str:
        self.given += 1
        return f"{self.given:08x}-0000-7000-8000-{self.given:012x}"


@dataclass(frozen=True)
class Template:
    """A world written down. `names` are ids by what a test calls them."""

    store: bytes
    journal: dict[str, bytes]
    images: dict[str, bytes]
    seconds: float
    ids_given: int
    tasks: int
    names: dict[str, str]


EMPTY: Final = Template(b"", {}, {}, START_SECONDS, 0, 0, {})


class World:
    """Made by `opened`; the first `Life` begins with `live`."""

    def __init__(self, folder: Path, template: Template) -> None:
        self._folder = folder
        self._template = template
        self.names = dict(template.names)
        self.clock = WorldClock(template.seconds)
        self.ids = CountedIds(template.ids_given)
        self.journal = MemoryJournal()
        for key, value in template.journal.items():
            self.journal.put(key, value)
        self.lives = 0

    async def open(self, *, hosts: int) -> None:
        self._folder.mkdir(parents=True)
        if self._template.store:
            self._path.write_bytes(self._template.store)
        options = SqliteOptions(durably=Inline())
        self.store = SqliteStore(str(self._path), NOUNS, self.clock, options)
        self.images = ImageLibrary(self._folder / "images", self.ids)
        await self.images.open()
        for name, content in self._template.images.items():
            (self._folder / "images" / name).write_bytes(content)
        self._hosts = hosts
        await self.start_agents()

    async def start_agents(self) -> None:
        """All agents at once, with what their journals remember."""
        captures = self._folder / "captures"
        captures.mkdir(exist_ok=True)
        site = SimulatedSite(self.clock, SHAPE, journal=self.journal, captures=captures)
        addresses = addresses_of(self._hosts)
        self.simulation: Simulation = await simulate(addresses, site, PaperDoors(), self.ids)
        self.agents_by_endpoint: dict[str, LocalAgent] = {ENDPOINT: self.simulation.agent}
        self.agents: Agents = LocalAgents(self.agents_by_endpoint)

    @property
    def _path(self) -> Path:
        return self._folder / "store.db"

    async def close(self) -> None:
        await self.images.close()
        await self.store.close()

    async def written_down(self) -> Template:
        """The world as it is; it is closed then."""
        tasks = len(await self.tasks())
        await self.close()
        shelf = self._folder / "images"
        images = {
            str(file.relative_to(shelf)): file.read_bytes()
            for file in shelf.rglob("*")
            if file.is_file()
        }
        return Template(
            self._path.read_bytes(),
            self.journal.items(),
            images,
            self.clock.seconds,
            self.ids.given,
            tasks,
            self.names,
        )

    # Controllers

    async def live(self, fate: Fate | None = None) -> Life:
        """A controller begins; the one before must have ended."""
        self.lives += 1
        around = Surroundings(
            self.store, self.agents, self.clock, self.ids, self.images, self.fetch
        )
        life = Life(around, f"controller-{self.lives}", fate or Fate())
        await life.open()
        return life

    async def fetch(self, url: str) -> AsyncGenerator[bytes, None]:
        """What the hosts serve at the URLs of their captures."""
        image_id = url.rpartition("/")[2]
        for driver in self.simulation.drivers.values():
            with suppress(Refusal):
                yield content_of(await driver.capture_path(image_id))
                return

    async def take_over(self, life: Life, dead: str) -> None:
        """What a controller does with one that died."""
        await life.runner.adopt(dead)
        await self.store.commit([Delete(MEMBERS, dead)])

    async def finish(self) -> None:
        """The last life: takes over all that is left, and ends it."""
        life = await self.live()
        for other in (await self.store.page(MEMBERS, {}, limit=100)).items:
            if other.id != life.owner:
                await self.take_over(life, other.id)
        await life.finished()
        await life.end()

    # What there is

    async def inventories(self) -> list[Inventory]:
        """Of all hosts that are ours and know it."""
        found: list[Inventory] = []
        for host in (await self.store.page(HOSTS, {}, limit=100)).items:
            if host.provisioned:
                address = HostAddress(host.agent_endpoint, host.id)
                with suppress(Refusal):
                    found.append(await self.agents.inventory(address))
        return found

    def captures(self) -> list[str]:
        """The files that hosts keep for images that are made of VMs."""
        return [file.name for file in (self._folder / "captures").iterdir()]

    async def tasks(self) -> list[Task]:
        return (await self.store.page(TASKS, {}, limit=500)).items

    async def audit(self) -> list[Violation]:
        return await audit(self.store, await self.inventories())

    async def settle(self) -> None:
        """Lets the duties that mend differences do so, with all the time that they want.

        Hosts that were missing come back.
        """
        watch = GuestWatch(self.store, self.agents, self.clock)
        for row in (await self.store.page(MISSING_HOSTS, {}, limit=100)).items:
            assert await watch.reconcile(row.id)
            assert await HostRegister(self.store, self.clock).found([row.id])
        await Debts(self.store, self.agents, self.clock).once()
        await watch.audit_all()
        self.clock.seconds += ORPHAN_GRACE_SECONDS + 1
        await watch.audit_all()

    async def snapshot(self) -> Json:
        """All that an owner or an operator could see, without times and versions."""
        seen: Json = {
            noun.name: [_plain(row) for row in (await self.store.page(noun, {}, limit=500)).items]
            for noun in NOUNS
            if noun.name not in _NEVER_THE_SAME
        }
        for owner in (*seen[TENANTS.name], *seen[PROJECTS.name]):
            rows = await self.store.quota(owner["id"])
            seen[f"quota {owner['id']}"] = [(row.key, row.limit, row.usage) for row in rows]
        for address, host in self.simulation.hosts.by_address.items():
            inventory = await host.inventory()
            seen[address] = (
                inventory.mode.name,
                sorted(_plain_guest(msgspec.to_builtins(guest)) for guest in inventory.guests),
                sorted(disk.disk_id + disk.attached_vm_id for disk in inventory.disks),
            )
        return seen


def content_of(path: str) -> bytes:
    return Path(path).read_bytes()


def _plain_guest(guest: Json) -> str:
    guest.pop("fence")
    return msgspec.json.encode(guest, order="deterministic").decode()


_TIMES: Final = frozenset({"queued_ms", "started_ms", "ended_ms", "at_ms", "generation"})
# How a task came to its end is its own affair; what it says of it is not.
_INNER: Final = frozenset({"results", "undone", "order", "owner"})


def _plain(row: Any) -> Json:
    plain = {
        key: value
        for key, value in msgspec.json.decode(msgspec.json.encode(row)).items()
        if key not in _TIMES and not (isinstance(row, Task) and key in _INNER)
    }
    if isinstance(row, Task):
        plain["steps"] = [(step.operation, step.state) for step in row.steps]
        plain["error"] = row.error and row.error.code
    return plain
