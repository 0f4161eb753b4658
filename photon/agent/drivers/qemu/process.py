"""QEMU processes: started so that they outlive the agent, found again, watched and ended."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

GUEST_NICENESS = 10  # Guests yield to the agent and the host's own work.


class Process:
    """A process held by a pidfd: it can never be mistaken for a later one of the same number."""

    def __init__(self, pid: int) -> None:
        """Raises ProcessLookupError when there is no such process."""
        self.pid = pid
        self._pidfd = os.pidfd_open(pid)
        self.exited = asyncio.Event()
        self._on_exit: Callable[[], None] | None = None
        asyncio.get_running_loop().add_reader(self._pidfd, self._ended)

    def on_exit(self, callback: Callable[[], None]) -> None:
        """Calls back once, when the process ends or has ended."""
        if self.exited.is_set():
            callback()
        else:
            self._on_exit = callback

    def kill(self) -> None:
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def terminate(self) -> None:
        """QEMU then flushes its disks and ends."""
        if self._pidfd >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGTERM)

    def release(self) -> None:
        """Watches it no longer."""
        self._on_exit = None
        if self._pidfd >= 0:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1

    def _ended(self) -> None:
        # Only a child of this agent is ours to reap; others are init's.
        with suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)
        callback = self._on_exit
        self.release()
        self.exited.set()
        if callback is not None:
            callback()


def spawn(argv: list[str], directory: Path, log: Path) -> Process:
    """Starts the command in the directory, in a session of its own; its words go to `log`."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    pid = os.posix_spawnp(
        "env",
        ["env", f"--chdir={directory}", "nice", "-n", str(GUEST_NICENESS), *argv],
        os.environ,
        setsid=True,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    return Process(pid)


def find_guests(vm_ids: Iterable[str]) -> dict[str, int]:
    """The process of each of these guests that has one, by what the process was told to be.

    Dead processes that nobody reaped yet have no command line, so they are not found.
    """
    wanted = {vm_id.encode(): vm_id for vm_id in vm_ids}
    found: dict[str, int] = {}
    for entry in Path("/proc").iterdir() if wanted else ():
        if not entry.name.isdecimal():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it ended meanwhile
            continue
        if b"-uuid" in words[:-1]:
            vm_id = wanted.get(words[words.index(b"-uuid") + 1])
            if vm_id is not None:
                found[vm_id] = int(entry.name)
    return found
