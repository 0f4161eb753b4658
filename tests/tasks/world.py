"""A small cloud without a controller: a store in a file, and simulated hosts that remember.

What a `World` holds outlives every controller (`Life`) that works on it. It can be written down
(`Template`) and made again as it was, so that no try of a proof sees another.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
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
from photon.domain.guest import Inventory, Refusal
from photon.domain.image import Image, ReplicationType
from photon.domain.readiness import Readiness
from photon.domain.task import Task
from photon.images.library import ImageLibrary
from photon.reconcilers.audit import Violation, audit
from photon.reconcilers.guest_watch import ORPHAN_GRACE_SECONDS, GuestWatch
from photon.store.durably import Inline
from photon.store.nouns import (
    CONTROLLERS,
    HOSTS,
    IDEMPOTENT_ANSWERS,
    IMAGES,
    NOUNS,
    PROJECTS,
    TASKS,
    TENANTS,
)
from photon.store.protocol import Delete, Insert
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.agent.conftest import PaperDoors
from tests.tasks.fate import Fate
from tests.tasks.life import Door, Life, Surroundings, client_of

ENDPOINT: Final = "agent.test:8835"
SHAPE: Final = HostShape(cpus=4, memory_mib=4096, datastore_gib=100, datastore_shared=False)
START_SECONDS: Final = 1_700_000_000.0
CHECKSUM: Final = "ab" * 32
_NEVER_THE_SAME: Final = (CONTROLLERS.name, IDEMPOTENT_ANSWERS.name)

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
        await self.store.commit([Delete(CONTROLLERS, dead)])

    async def finish(self) -> None:
        """The last life: takes over all that is left, and ends it."""
        life = await self.live()
        for other in (await self.store.page(CONTROLLERS, {}, limit=100)).items:
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
        """Lets the duties that mend differences do so, with all the time that they want."""
        watch = GuestWatch(self.store, self.agents, self.clock)
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


# --- building ------------------------------------------------------------------------------------


class Client:
    """Asks the API of one life, as anybody would; through a door of its own if none is given."""

    def __init__(self, life: Life, door: Door | None = None) -> None:
        self.life = life
        self.http = client_of((door or Door()).to(life))

    async def ask(self, method: str, path: str, body: Any = None) -> Json:
        """The answer, which must not be an error."""
        answer = await self.http.request(method, path, json=body)
        assert answer.status_code < 300, answer.text
        return dict(answer.json())

    async def submit(self, method: str, path: str, body: Any = None) -> Json:
        """A task, as the request answers it."""
        return await self.ask(method, path, body)

    async def done(self, method: str, path: str, body: Any = None) -> Json:
        """A task that has ended well."""
        task = await self.ask(method, path, body)
        await self.life.finished()
        task = await self.ask("GET", f"/v1/tasks/{task['id']}")
        assert task["state"] == "COMPLETED", task
        return task

    async def made(self, path: str, body: Any) -> str:
        return str((await self.done("POST", path, body))["entity"]["id"])

    async def close(self) -> None:
        await self.http.aclose()


Builder = Callable[[World, Client], Awaitable[None]]


async def build_site(world: World, client: Client) -> None:
    """Hosts, an image, a subnet, flavors, and a project with quota: all but VMs and disks."""
    names = world.names
    for number, address in enumerate(addresses_of(2), start=1):
        host_id = await client.made("/v1/infrastructure/hosts", host_spec(address))
        await client.done("POST", f"/v1/infrastructure/hosts/{host_id}/provision")
        names[f"host{number}"] = host_id
    subnet = {"name": "net", "portGroups": {"names": ["VM Network"]}}
    names["subnet"] = await client.made("/v1/subnets", subnet)
    names["tenant"] = await client.made("/v1/tenants", {"name": "t", "quota": _quota(100)})
    path = f"/v1/tenants/{names['tenant']}/projects"
    names["project"] = await client.made(path, {"name": "p", "quota": _quota(50)})
    for name, kind, cost in (
        ("small", "vm", [("vm", 1, "COUNT"), ("vm.cpu", 1, "COUNT"), ("vm.memory", 1, "GB")]),
        ("boot", "ephemeral-disk", [("ephemeral-disk", 1, "COUNT")]),
        ("data", "persistent-disk", [("persistent-disk", 1, "COUNT")]),
    ):
        items = [{"key": key, "value": value, "unit": unit} for key, value, unit in cost]
        await client.made("/v1/flavors", {"name": name, "kind": kind, "cost": items})
    names["image"] = world.ids.new()
    image = Image(
        names["image"],
        "system",
        ReplicationType.ON_DEMAND,
        Readiness.READY,
        size_bytes=2 << 30,
        file_size_bytes=1 << 20,
        checksum=CHECKSUM,
    )
    await world.store.commit([Insert(IMAGES, image)])


def host_spec(address: str) -> Json:
    return {
        "address": address,
        "username": "root",
        "password": "secret",
        "usageTags": ["CLOUD"],
        "metadata": {"AGENT_ENDPOINT": ENDPOINT},
    }


def _quota(size: float) -> Json:
    keys = ("vm", "vm.cpu", "ephemeral-disk", "persistent-disk")
    items = {key: {"limit": size, "unit": "COUNT"} for key in keys}
    items |= {
        key: {"limit": size * 4, "unit": "GB"}
        for key in ("vm.memory", "ephemeral-disk.capacity", "persistent-disk.capacity")
    }
    return {"quotaItems": items}


def vm_spec(world: World, name: str = "web") -> Json:
    return {
        "name": name,
        "flavor": "small",
        "sourceImageId": world.names["image"],
        "subnets": [world.names["subnet"]],
        "attachedDisks": [
            {"name": "boot", "flavor": "boot", "kind": "ephemeral-disk", "bootDisk": True},
            {"name": "more", "flavor": "boot", "kind": "ephemeral-disk", "capacityGb": 3},
        ],
    }


async def build_vm(world: World, client: Client) -> None:
    """A VM that is stopped."""
    path = f"/v1/projects/{world.names['project']}/vms"
    world.names["vm"] = await client.made(path, vm_spec(world))


async def build_disk(world: World, client: Client) -> None:
    """A persistent disk on the VM's host, or anywhere when there is none."""
    near = world.names.get("vm")
    spec = {
        "name": "data",
        "flavor": "data",
        "kind": "persistent-disk",
        "capacityGb": 5,
        "affinities": [{"kind": "vm", "id": near}] if near else [],
    }
    path = f"/v1/projects/{world.names['project']}/disks"
    world.names["disk"] = await client.made(path, spec)
