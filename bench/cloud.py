"""A cloud to measure: one controller and simulated hosts, each a process of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import uvloop

from bench.failure import BenchFailed
from bench.postgres import BenchPostgres
from bench.processes import BenchProcess, Measurable, cpu_seconds_of
from bench.registration import RegistrationLoad
from photon.agent.drivers.simulated_site import addresses_of
from photon.devbox.seed import BOOT_FLAVOR, TENANT, VM_FLAVOR, HostSeed, Seeded, Seeder
from photon.domain.quota import QuotaUnit
from photon.sdk.client import Client
from photon.sdk.errors import SdkError
from photon.store.opening import is_shared
from photon.store.postgres.driver import connect
from photon.wire.v1.tenancy import Quota, QuotaStatusLineItem

# In the checkout, which is on a disk: what is in memory says nothing about commits.
FOLDER = Path(__file__).resolve().parents[1] / ".bench"
ANY_PORT = "127.0.0.1:0"
SQLITE, POSTGRESQL = "sqlite", "postgresql"
RAW_IMAGE_BYTES = 1 << 20
BOOT_SIGNATURE = b"\x55\xaa"  # of a master boot record: without it the library refuses a raw disk
BOOT_SIGNATURE_AT = 510
QUOTA_VMS = 2_000_000.0  # Twice the largest cloud; as many vCPUs and GiB.

# A write-set is the measured operation's if it changes one of these. What the plane does besides
# (leases, hosts) changes neither.
_COMMITS = (
    "SELECT count(DISTINCT revision) FROM changes WHERE revision > ? AND noun IN ('tasks', 'vms')"
)


@dataclass(frozen=True, slots=True)
class CloudShape:
    """How many simulated hosts, divided among how many processes; and on what the plane stands.

    `store` is SQLITE or POSTGRESQL, a server of the benchmark's own, or PHOTON_STORE's if that is
    set. Only PostgreSQL has more controllers than one. `leaf_hosts` 0: as many as usually.
    """

    hosts: int
    agents: int = 1
    store: str = SQLITE
    controllers: int = 1
    leaf_hosts: int = 0

    def parts(self) -> list[tuple[int, int]]:
        """The number of each process's first host, from 1, and of how many it has."""
        agents = min(self.agents, self.hosts)
        ends = [self.hosts * number // agents for number in range(agents + 1)]
        return [(first + 1, last - first) for first, last in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class BenchCloud:
    """Processes by their names in the results; `store_path` is the controller's SQLite file."""

    ats: Sequence[tuple[str, int]]  # where the API is, at each controller
    processes: dict[str, Measurable]
    store_path: Path
    seeded: Seeded
    seeds: Sequence[HostSeed]
    store_url: str = ""  # of PostgreSQL

    @property
    def at(self) -> tuple[str, int]:
        return self.ats[0]

    def commits_of_store(self) -> int:
        """Physical ones, of all controllers since their start."""
        made = 0
        for host, port in self.ats:
            with Client(f"http://{host}:{port}") as client:
                [part] = [
                    part
                    for part in client.system.status().components
                    if part.component == "CLOUD_STORE"
                ]
                made += sum(int(one.stats["commits"]) for one in part.instances)
        return made

    def write_sets(self) -> int:
        """All that were ever committed, leases and reports too."""
        return self._count("SELECT revision FROM feed WHERE revision > ?", -1)

    def cpu_seconds(self) -> dict[str, float]:
        """Of each process since its start; this one is `load`."""
        used = {name: process.cpu_seconds() for name, process in self.processes.items()}
        used["load"] = cpu_seconds_of(os.getpid())
        return used

    def revision(self) -> int:
        return self._count("SELECT coalesce(max(revision), 0) FROM changes WHERE revision > ?", -1)

    def commits_since(self, revision: int) -> int:
        """Write-sets that changed a VM or a task. The store forgets all but the last 100,000."""
        return self._count(_COMMITS, revision)

    def _count(self, statement: str, revision: int) -> int:
        # As the controller has it from us.
        shared = self.store_url or os.environ.get("PHOTON_STORE", "")
        if is_shared(shared):
            return asyncio.run(_count_in(shared, statement.replace("?", "$1"), revision))
        store = sqlite3.connect(f"file:{self.store_path}?mode=ro", uri=True)
        try:
            row: Any = store.execute(statement, (revision,)).fetchone()
        finally:
            store.close()
        return int(row[0])

    def vm_body(self, name: str) -> bytes:
        return msgspec.json.encode(
            {
                "name": name,
                "flavor": VM_FLAVOR,
                "sourceImageId": self.seeded.image_id,
                "attachedDisks": [
                    {
                        "name": "boot",
                        "flavor": BOOT_FLAVOR,
                        "kind": "ephemeral-disk",
                        "bootDisk": True,
                    }
                ],
            }
        )


def spent(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: after[name] - before[name] for name in after}


@contextmanager
def bench_cloud(shape: CloudShape, *, register: bool = True) -> Iterator[BenchCloud]:
    """Started and seeded with simulated hosts, and stopped again; its data is removed. Without
    `register` the hosts are there, and the controller knows none of them but the first.

    Raises:
        BenchFailed: it did not start, or broke while it was measured.
    """
    folder = bench_folder()
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory(dir=folder)))
        programs = Programs(place, shape)
        stack.callback(programs.stop)
        programs.start()
        at, controller = programs.at, programs.controller
        seeds = programs.seeds()
        try:
            say("seeding")
            with Client(f"http://{at[0]}:{at[1]}") as client:
                seeded = seed(client, place, seeds[0])
            if register:
                _register(at, seeds[1:])
            yield BenchCloud(
                programs.ats,
                programs.processes(),
                programs.store_path,
                seeded,
                seeds[1:],
                programs.store_url,
            )
        except (SdkError, asyncio.IncompleteReadError, OSError) as problem:
            raise BenchFailed(
                f"The measured cloud broke: {problem}. This was the controller. "
                f"{controller.last_words()}"
            ) from problem


class Programs:
    """A controller and agents of simulated hosts, to be started and stopped together.

    `remembering`: the agents too find again what they had, at the addresses that they had.
    """

    def __init__(self, place: Path, shape: CloudShape, *, remembering: bool = False) -> None:
        self.place = place
        self._shape = shape
        self._remembering = remembering
        self._endpoints = [ANY_PORT for _ in shape.parts()]
        self.agents: list[BenchProcess] = []
        self.controllers: list[BenchProcess] = []
        self._postgres: BenchPostgres | None = None

    @property
    def controller(self) -> BenchProcess:
        """The first."""
        return self.controllers[0]

    @property
    def store_url(self) -> str:
        return "" if self._postgres is None else self._postgres.url

    @property
    def ats(self) -> list[tuple[str, int]]:
        """Where the API is, at each controller."""
        listening = [each.ready["listening"].removeprefix("http://") for each in self.controllers]
        return [(host, int(port)) for host, _, port in (one.rpartition(":") for one in listening)]

    @property
    def at(self) -> tuple[str, int]:
        return self.ats[0]

    @property
    def store_path(self) -> Path:
        return self.place / "controller/cloudstore.sqlite"

    def state_dir(self, first: int) -> Path:
        """Of the agent whose first host has this number."""
        return self.place / f"agent-{first}"

    def start(self) -> None:
        self.start_agents()
        self.start_controller()

    def start_agents(self) -> None:
        for (first, hosts), endpoint in zip(self._shape.parts(), self._endpoints, strict=True):
            kept = ("--state-dir", str(self.state_dir(first))) if self._remembering else ()
            agent = BenchProcess(
                "photon.agent",
                self.place / f"agent-{first}.log",
                *("--driver", "simulated", "--listen", endpoint, *kept),
                *("--hosts", str(hosts), "--first-host", str(first)),
            )
            self.agents.append(agent)
        for agent in self.agents:
            agent.wait_ready()
        self._endpoints = [agent.ready["listen"] for agent in self.agents]

    def start_controller(self) -> None:
        """Last, and once the agents run; all that there are to be."""
        if self._shape.store == POSTGRESQL and self._postgres is None:
            self._postgres = BenchPostgres()
            self._postgres.start()
        for number in range(1, self._shape.controllers + 1):
            # The first has the place that a single one always had.
            name = "controller" if number == 1 else f"controller-{number}"
            controller = BenchProcess(
                "photon.controller",
                self.place / f"{name}.log",
                *("--data-dir", str(self.place / name), "--listen", ANY_PORT, "--name", name),
                *("--images-dir", str(self.place / "controller/images")),
                *(("--store", self.store_url) if self._postgres else ()),
                *(("--leaf-hosts", str(leaf)) if (leaf := self._shape.leaf_hosts) else ()),
            )
            self.controllers.append(controller)
            controller.wait_ready()

    def stop(self) -> None:
        """The controllers first, and the store that they need to say goodbye after them."""
        # An interrupt in the middle of one must not leave the others running.
        with ExitStack() as ends:
            if self._postgres is not None:
                ends.callback(self._postgres.remove)
            for process in (*self.agents, *self.controllers):
                ends.callback(process.stop)
            self.agents, self.controllers, self._postgres = [], [], None

    def processes(self) -> dict[str, Measurable]:
        """By their names in results."""
        found: dict[str, Measurable] = {}
        for kind, those in (("controller", self.controllers), ("agent", self.agents)):
            found |= {f"{kind}-{number}": one for number, one in enumerate(those, start=1)}
        return found if self._postgres is None else {**found, POSTGRESQL: self._postgres}

    def seeds(self) -> list[HostSeed]:
        return [
            HostSeed(address, agent.ready["listen"])
            for agent, (first, hosts) in zip(self.agents, self._shape.parts(), strict=True)
            for address in addresses_of(hosts, first)
        ]


def bench_folder() -> Path:
    """Where clouds are put.

    Raises:
        BenchFailed: a program is missing without which none can be made.
    """
    if shutil.which("qemu-img") is None:
        raise BenchFailed(
            "The program qemu-img is missing, without which the controller takes no image. "
            "Install the Debian package qemu-utils, then measure again."
        )
    FOLDER.mkdir(exist_ok=True)
    return FOLDER


def seed(client: Client, place: Path, first: HostSeed, more: Sequence[HostSeed] = ()) -> Seeded:
    """One host comes before the image, as the plane wants it, and what a million VMs may use."""
    image = place / "image.raw"
    content = bytearray(RAW_IMAGE_BYTES)
    content[BOOT_SIGNATURE_AT : BOOT_SIGNATURE_AT + 2] = BOOT_SIGNATURE
    image.write_bytes(content)
    seeder = Seeder(client, say)
    seeder.hosts([first, *more])
    seeded = seeder.demo(image, "VM Network", first.address)
    for tenant in client.tenants.list(name=TENANT):
        client.tasks.wait(client.tenants.set_quota(tenant.id, _quota(2 * QUOTA_VMS)).id)
    client.tasks.wait(client.projects.set_quota(seeded.project_id, _quota(QUOTA_VMS)).id)
    return seeded


def _quota(vms: float) -> Quota:
    count = QuotaStatusLineItem(vms, QuotaUnit.COUNT)
    memory = QuotaStatusLineItem(vms, QuotaUnit.GB)
    return Quota({"vm.count": count, "vm.cpu": count, "vm.memory": memory})


def _register(at: tuple[str, int], seeds: Sequence[HostSeed]) -> None:
    if not seeds:
        return
    load = RegistrationLoad(at, seeds)
    began = time.perf_counter()
    uvloop.run(load.run())
    if load.tally.errors:
        raise BenchFailed(
            f"{load.tally.errors} hosts could not be registered. {load.tally.problem}"
        )
    say(f"{len(seeds):,} hosts registered in {time.perf_counter() - began:,.1f} s")


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


async def _count_in(url: str, statement: str, revision: int) -> int:
    connection = await connect(url)
    try:
        return int(await connection.fetchval(statement, revision))
    finally:
        await connection.close(timeout=1)
