"""What must hold of a caller's words before they become names of files and words of QEMU."""

from __future__ import annotations

import re

from photon.agent.drivers.qemu.commands import CommandFailed
from photon.domain.guest import GuestSpec

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MAC_ADDRESS = re.compile(r"(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")


def check_id(*ids: str) -> None:
    for each in ids:
        if _ID.fullmatch(each) is None:
            raise CommandFailed(f"{each[:64]!r} is not an id of letters, digits and hyphens.")


def check_spec(spec: GuestSpec) -> None:
    """Raises CommandFailed; a control plane that keeps its own rules never sees it."""
    check_id(*(disk.id for disk in spec.disks))
    if _UUID.fullmatch(spec.vm_id) is None:
        # QEMU knows guests by UUID, and one that runs is found again by it.
        raise CommandFailed(f"{spec.vm_id[:64]!r} is not a UUID in lowercase.")
    if len([disk for disk in spec.disks if disk.boot]) != 1:
        raise CommandFailed(f"VM {spec.vm_id} needs one boot disk.")
    if not spec.name.isprintable():
        raise CommandFailed(f"The name of VM {spec.vm_id} has characters that cannot be shown.")
    for nic in spec.nics:
        if _MAC_ADDRESS.fullmatch(nic.mac_address) is None:
            raise CommandFailed(f"{nic.mac_address[:32]!r} is not a MAC address.")
