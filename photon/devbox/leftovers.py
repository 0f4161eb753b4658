"""What an agent that was killed leaves on this machine: guests that run on, and their bridges."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from photon.agent.drivers.qemu.process import find_guests

FLUSH_SECONDS_MAX: Final = 20.0  # QEMU flushes its disks in milliseconds; a slow disk takes longer.
POLL_SECONDS: Final = 0.05


class _Network(msgspec.Struct):
    """What is read of the agent's table of networks."""

    bridge: str


def end_guests(vms: Path) -> list[str]:
    """Pulls the plug of each guest whose folder is in `vms`; the ids of those that ran."""
    if not vms.is_dir():
        return []
    ids = [folder.name for folder in vms.iterdir()]
    ended = list(running := find_guests(ids))
    _signal(running, signal.SIGTERM)
    deadline = time.monotonic() + FLUSH_SECONDS_MAX
    while running := find_guests(ended):
        if time.monotonic() > deadline:
            _signal(running, signal.SIGKILL)
        time.sleep(POLL_SECONDS)
    return ended


def bridges_stay(networks_file: Path) -> bool:
    """Is one of the bridges still there that this table of an agent names?"""
    try:
        networks = msgspec.json.decode(networks_file.read_bytes(), type=list[_Network])
    except (OSError, msgspec.DecodeError):
        return False
    return any(Path("/sys/class/net", network.bridge).exists() for network in networks)


def _signal(guests: dict[str, int], signum: int) -> None:
    for pid in guests.values():
        with suppress(ProcessLookupError):
            os.kill(pid, signum)
