"""What a person at a terminal sees, through a real pseudo-terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.conftest import Photon
from tests.cli.test_commands import add_vm
from tests.sdk.stub import Stub

ROOT = Path(__file__).resolve().parents[2]


class Terminal:
    """A program that believes that somebody sits there."""

    def __init__(self, process: subprocess.Popen[bytes], fd: int) -> None:
        self._process, self._fd = process, fd
        self.seen = b""

    def read_until(self, wanted: bytes) -> None:
        while wanted not in self.seen:
            piece = self._read()
            assert piece, f"it ended without {wanted!r}: {self.seen!r}"
            self.seen += piece

    def press(self, keys: bytes) -> None:
        os.write(self._fd, keys)

    def interrupt(self) -> None:
        """As the terminal does on Ctrl-C, when it is that of the program's session."""
        self._process.send_signal(signal.SIGINT)

    def wait(self) -> int:
        """Everything that is still said, then the exit code."""
        while piece := self._read():
            self.seen += piece
        return self._process.wait(timeout=30)

    def _read(self) -> bytes:
        try:
            return os.read(self._fd, 4096)
        except OSError:  # how Linux says that the other side of a pseudo-terminal is closed
            return b""


@contextmanager
def terminal(*arguments: str) -> Iterator[Terminal]:
    here, there = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "photon.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        stdin=there,
        stdout=there,
        stderr=there,
        start_new_session=True,
    )
    os.close(there)
    try:
        yield Terminal(process, here)
    finally:
        process.kill()
        process.wait()
        os.close(here)


def test_every_key_goes_to_the_guest_and_the_escape_key_ends(photon: Photon, stub: Stub) -> None:
    vm = add_vm(stub)
    with terminal("vm", "console", "web-1") as person:
        person.read_until(b"login: ")
        person.press(b"\x03")
        person.read_until(b"you said \x03")
        person.press(b"root\x1dignored")
        assert person.wait() == 0
    assert stub.console_heard == b"\x03root"
    assert vm["id"]


def test_a_console_that_the_guest_closes_ends(photon: Photon, stub: Stub) -> None:
    add_vm(stub)
    with terminal("vm", "console", "web-1") as person:
        person.read_until(b"login: ")
        person.press(b"bye")
        assert person.wait() == 0


def test_a_person_sees_the_steps_of_a_task(photon: Photon, stub: Stub) -> None:
    stub.add("images", {"name": "ubuntu", "replicationType": "EAGER"})
    line = "vm create web-1 --flavor small --image ubuntu --boot-disk core"
    with terminal(*line.split()) as person:
        assert person.wait() == 0
    assert b"RESERVE_RESOURCE" in person.seen
    assert b"VM web-1 is created on host 10.0.0.3" in person.seen


def test_a_person_sees_a_drawn_table_with_whole_ids(photon: Photon, stub: Stub) -> None:
    vm = add_vm(stub)
    with terminal("vm", "list") as person:
        assert person.wait() == 0
    assert vm["id"].encode() in person.seen
    assert b"\x1b[" in person.seen


def test_an_interrupted_wait_says_that_the_task_goes_on(photon: Photon, stub: Stub) -> None:
    add_vm(stub)
    stub.polls_to_end = 100_000
    with terminal("vm", "stop", "web-1") as person:
        person.read_until(b"STOP_VM")
        person.interrupt()
        assert person.wait() == 130
    assert b"goes on" in person.seen


def test_an_upload_shows_its_bytes(photon: Photon, stub: Stub, tmp_path: Path) -> None:
    file = tmp_path / "ubuntu.qcow2"
    file.write_bytes(bytes(5_000_000))
    with terminal("image", "create", str(file)) as person:
        assert person.wait() == 0
    assert b"MiB" in person.seen
