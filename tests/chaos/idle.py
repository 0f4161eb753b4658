"""Parts for tests: small real processes, each in its cell, and parts that are only noted down."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from photon.chaos.cells import Cell
from photon.chaos.part import Kind, PartFailed

# Says a line to each who connects, then says again what it hears; on an address that it is given.
ANSWERS = """
import socket, sys, threading
door = socket.create_server((sys.argv[1], 0))
print(door.getsockname()[1], flush=True)
def echo(caller):
    caller.sendall(b"here\\n")
    while heard := caller.recv(99):
        caller.sendall(heard)
while True:
    threading.Thread(target=echo, args=door.accept()[:1], daemon=True).start()
"""


@dataclass
class Answering:
    """A process that answers at `place`, for as long as it lives."""

    cell: Cell
    address: str
    place: tuple[str, int] = ("", 0)
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [*self.cell.prefix(), sys.executable, "-c", ANSWERS, self.address]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.place = (self.address, int(self.process.stdout.readline()))

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()


@dataclass
class Noted:
    """A part that does nothing, and remembers what was done to it."""

    name: str
    kind: Kind
    done: list[str] = field(default_factory=list)
    alive: bool = True
    starts_in_vain: int = 0  # How often it refuses to start yet.

    def runs(self) -> bool:
        return self.alive

    def start(self) -> None:
        if self.alive:
            return
        if self.starts_in_vain:
            self.starts_in_vain -= 1
            raise PartFailed(f"{self.name} lacks something")
        self.done.append("start")
        self.alive = True

    def stop(self) -> None:
        self.done.append("stop")
        self.alive = False

    def kill(self) -> None:
        self.done.append("kill")
        self.alive = False

    def freeze(self) -> None:
        self.done.append("freeze")

    def thaw(self) -> None:
        self.done.append("thaw")

    def words(self) -> str:
        return "the last words"


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
