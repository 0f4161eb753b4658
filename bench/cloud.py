"""A cloud to measure: one controller and simulated hosts, each a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from photon.devbox.seed import BOOT_FLAVOR, VM_FLAVOR, HostSeed, Seeded, Seeder
from photon.sdk.client import Client

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
RAW_IMAGE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class BenchCloud:
    """Processes by their names in the results; `store_path` is the controller's SQLite file."""

    host: str
    port: int
    processes: dict[str, int]
    store_path: Path
    seeded: Seeded

    def cpu_seconds(self) -> dict[str, float]:
        """User and system time of each process since its start; this one is `load`."""
        used = {name: _cpu_of(pid) for name, pid in self.processes.items()}
        used["load"] = _cpu_of(os.getpid())
        return used

    def commits(self) -> int:
        """How many write-sets the store has committed."""
        with sqlite3.connect(f"file:{self.store_path}?mode=ro", uri=True) as store:
            row: Any = store.execute("SELECT max(revision) FROM changes").fetchone()
        return int(row[0] or 0)

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


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def spent(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    return {name: after[name] - before.get(name, 0.0) for name in after}


@contextmanager
def bench_cloud(directory: Path, hosts: int) -> Iterator[BenchCloud]:
    """Started, seeded with `hosts` simulated hosts, and stopped again; the data is removed."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    port, agent_port = _free_port(), _free_port()
    agent_at = f"127.0.0.1:{agent_port}"
    programs = {
        "controller-1": _start(
            directory / "controller.log",
            "photon.controller",
            *("--data-dir", str(directory / "controller"), "--listen", f"127.0.0.1:{port}"),
        ),
        "agent-1": _start(
            directory / "agent.log",
            "photon.agent",
            *("--driver", "simulated", "--listen", agent_at, "--hosts", str(hosts)),
        ),
    }
    try:
        with Client(f"http://127.0.0.1:{port}") as client:
            seeded = _seed(client, directory, agent_at, hosts)
        yield BenchCloud(
            "127.0.0.1",
            port,
            {name: program.pid for name, program in programs.items()},
            directory / "controller/cloudstore.sqlite",
            seeded,
        )
    finally:
        for program in programs.values():
            program.send_signal(signal.SIGTERM)
        for program in programs.values():
            program.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _seed(client: Client, directory: Path, agent_at: str, hosts: int) -> Seeded:
    image = directory / "image.raw"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", str(image), str(RAW_IMAGE_BYTES)], check=True
    )
    seeder = Seeder(client, lambda text: print(f"  {text}", file=sys.stderr))
    seeder.hosts([HostSeed(f"sim-{number:05d}", agent_at) for number in range(1, hosts + 1)])
    return seeder.demo(image, "VM Network")


def _start(log: Path, module: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Returns when the program has said its first line, which it does when it is ready."""
    with log.open("wb") as errors:
        program = subprocess.Popen(
            [sys.executable, "-m", module, *arguments], stdout=subprocess.PIPE, stderr=errors
        )
    assert program.stdout is not None
    if not program.stdout.readline():
        raise RuntimeError(f"{module} did not start:\n{log.read_text()}")
    return program


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
