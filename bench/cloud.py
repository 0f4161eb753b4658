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
from bench.processes import BenchProcess, cpu_seconds_of
from bench.registration import RegistrationLoad
from photon.agent.drivers.simulated_site import addresses_of
from photon.devbox.seed import BOOT_FLAVOR, TENANT, VM_FLAVOR, HostSeed, Seeded, Seeder
from photon.domain.quota import QuotaUnit
from photon.sdk.client import Client
from photon.sdk.errors import SdkError
from photon.wire.v1.tenancy import Quota, QuotaStatusLineItem

# In the checkout, which is on a disk: what is in memory says nothing about commits.
FOLDER = Path(__file__).resolve().parents[1] / ".bench"
ANY_PORT = "127.0.0.1:0"
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
    """How many simulated hosts, divided among how many processes."""

    hosts: int
    agents: int = 1

    def parts(self) -> list[tuple[int, int]]:
        """The number of each process's first host, from 1, and of how many it has."""
        agents = min(self.agents, self.hosts)
        ends = [self.hosts * number // agents for number in range(agents + 1)]
        return [(first + 1, last - first) for first, last in pairwise(ends)]


@dataclass(frozen=True, slots=True)
class BenchCloud:
    """Processes by their names in the results; `store_path` is the controller's SQLite file."""

    at: tuple[str, int]  # where the API is
    processes: dict[str, BenchProcess]
    store_path: Path
    seeded: Seeded
    seeds: Sequence[HostSeed]

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
    if shutil.which("qemu-img") is None:
        raise BenchFailed(
            "The program qemu-img is missing, without which the controller takes no image. "
            "Install the Debian package qemu-utils, then measure again."
        )
    FOLDER.mkdir(exist_ok=True)
    with ExitStack() as stack:
        place = Path(stack.enter_context(TemporaryDirectory(dir=FOLDER)))
        controller, agents = _started(stack, place, shape)
        host, _, port = controller.ready["listening"].removeprefix("http://").rpartition(":")
        at = (host, int(port))
        seeds = _seeds(shape, agents)
        processes = {"controller-1": controller}
        processes |= {f"agent-{number}": agent for number, agent in enumerate(agents, start=1)}
        try:
            _say("seeding")
            with Client(f"http://{host}:{port}") as client:
                seeded = _seed(client, place, seeds[0])
            if register:
                _register(at, seeds[1:])
            store_path = place / "controller/cloudstore.sqlite"
            yield BenchCloud(at, processes, store_path, seeded, seeds[1:])
        except (SdkError, asyncio.IncompleteReadError, OSError) as problem:
            raise BenchFailed(
                f"The measured cloud broke: {problem}. This was the controller. "
                f"{controller.last_words()}"
            ) from problem


def _started(
    stack: ExitStack, place: Path, shape: CloudShape
) -> tuple[BenchProcess, list[BenchProcess]]:
    """Ended again with `stack`, the controller first."""
    agents = []
    for first, hosts in shape.parts():
        agent = BenchProcess(
            "photon.agent",
            place / f"agent-{first}.log",
            *("--driver", "simulated", "--listen", ANY_PORT),
            *("--hosts", str(hosts), "--first-host", str(first)),
        )
        stack.callback(agent.stop)
        agents.append(agent)
    controller = BenchProcess(
        "photon.controller",
        place / "controller.log",
        *("--data-dir", str(place / "controller"), "--listen", ANY_PORT),
    )
    stack.callback(controller.stop)
    for process in (*agents, controller):
        process.wait_ready()
    return controller, agents


def _seeds(shape: CloudShape, agents: Sequence[BenchProcess]) -> list[HostSeed]:
    return [
        HostSeed(address, agent.ready["listen"])
        for agent, (first, hosts) in zip(agents, shape.parts(), strict=True)
        for address in addresses_of(hosts, first)
    ]


def _seed(client: Client, place: Path, first: HostSeed) -> Seeded:
    """One host comes before the image, as the plane wants it, and what a million VMs may use."""
    image = place / "image.raw"
    content = bytearray(RAW_IMAGE_BYTES)
    content[BOOT_SIGNATURE_AT : BOOT_SIGNATURE_AT + 2] = BOOT_SIGNATURE
    image.write_bytes(content)
    seeder = Seeder(client, _say)
    seeder.hosts([first])
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
    _say(f"{len(seeds):,} hosts registered in {time.perf_counter() - began:,.1f} s")


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
