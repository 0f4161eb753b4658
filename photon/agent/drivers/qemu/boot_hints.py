"""Kernels that the host's owner wrote down for some images, to start them without a boot loader.

An emulated guest comes up in half the time so. Any other image boots from its own disk. The table
is a JSON file in the state directory: the image's checksum, and kernel, initrd and arguments.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from photon.agent.drivers.qemu.argv import DirectKernel
from photon.agent.drivers.qemu.durable import write_durably

_FILE = "boot-hints.json"


def write_boot_hint(state_dir: Path, checksum: str, kernel: DirectKernel) -> None:
    """Adds to the table; guests of the image boot so from their next start on."""
    state_dir.mkdir(parents=True, exist_ok=True)
    table = {**_read(state_dir), checksum: kernel}
    write_durably(state_dir / _FILE, msgspec.json.encode(table))


def find_boot_hint(state_dir: Path, checksum: str) -> DirectKernel | None:
    return _read(state_dir).get(checksum)


def _read(state_dir: Path) -> dict[str, DirectKernel]:
    try:
        content = (state_dir / _FILE).read_bytes()
    except FileNotFoundError:
        return {}
    return msgspec.json.decode(content, type=dict[str, DirectKernel])
