"""A cloud to measure: one controller and simulated hosts, each a process of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from bench.failure import BenchFailed
from bench.processes import BenchProcess, cpu_seconds_of
from photon.devbox.seed import BOOT_FLAVOR, VM_FLAVOR, HostSeed, Seeded, Seeder
from photon.sdk.client import Client
from photon.sdk.errors import SdkError

# In the checkout, which is on a disk: what is in memory says nothing about commits.
FOLDER = Path(__file__).resolve().parents[1] / ".bench"
ANY_PORT = "127.0.0.1:0"
RAW_IMAGE_BYTES = 1 << 20
BOOT_SIGNATURE = b"\x55\xaa"  # of a master boot record: without it the library refuses a raw disk
BOOT_SIGNATURE_AT = 510

# A write-set is the measured operation's if it changes one of these. What the plane does besides
# (leases, hosts) changes neither.
_COMMITS = (
    "SELECT count(DISTINCT revision) FROM changes WHERE revision > ? AND noun IN ('tasks', 'vms')"
)


@dataclass(frozen=True, slots=True)
class BenchCloud:
    """Processes by their names in the results; `store_path` is the controller's SQLite file."""

    host: str
    port: int
    processes: dict[str, BenchProcess]
    store_path: Path
    seeded: Seeded

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
def bench_cloud(hosts: int) -> Iterator[BenchCloud]:
    """Started, seeded with `hosts` simulated hosts, and stopped again; its data is removed.

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
        controller, agent = _started(stack, place, hosts)
        host, _, port = controller.ready["listening"].removeprefix("http://").rpartition(":")
        try:
            _say("seeding")
            with Client(f"http://{host}:{port}") as client:
                seeded = _seed(client, place, agent.ready["listen"], hosts)
            yield BenchCloud(
                host,
                int(port),
                {"controller-1": controller, "agent-1": agent},
                place / "controller/cloudstore.sqlite",
                seeded,
            )
        except (SdkError, asyncio.IncompleteReadError, OSError) as problem:
            raise BenchFailed(
                f"The measured cloud broke: {problem}. This was the controller. "
                f"{controller.last_words()}"
            ) from problem


def _started(stack: ExitStack, place: Path, hosts: int) -> tuple[BenchProcess, BenchProcess]:
    """Ended again with `stack`, the controller first."""
    agent = BenchProcess(
        "photon.agent",
        place / "agent.log",
        *("--driver", "simulated", "--listen", ANY_PORT, "--hosts", str(hosts)),
    )
    stack.callback(agent.stop)
    controller = BenchProcess(
        "photon.controller",
        place / "controller.log",
        *("--data-dir", str(place / "controller"), "--listen", ANY_PORT),
    )
    stack.callback(controller.stop)
    agent.wait_ready()
    controller.wait_ready()
    return controller, agent


def _seed(client: Client, place: Path, agent_at: str, hosts: int) -> Seeded:
    image = place / "image.raw"
    content = bytearray(RAW_IMAGE_BYTES)
    content[BOOT_SIGNATURE_AT : BOOT_SIGNATURE_AT + 2] = BOOT_SIGNATURE
    image.write_bytes(content)
    seeder = Seeder(client, _say)
    seeder.hosts([HostSeed(f"sim-{number:05d}", agent_at) for number in range(1, hosts + 1)])
    return seeder.demo(image, "VM Network", "sim-00001")


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
