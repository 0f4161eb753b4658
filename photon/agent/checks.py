"""What a call may carry: looked at before any of it reaches a host.

The API checks what its users send; this is for whoever else speaks to an agent.
"""

from __future__ import annotations

import re
from math import isfinite

from photon.domain.guest import GuestDisk, GuestSpec, ImageSource, Provision
from photon.rpc.errors import BadArguments

# Ids become names of files and of journal keys. UUIDs fit, and whatever tests use instead.
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_CHECKSUM = re.compile(r"[0-9a-f]{64}")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")

TEXT_CHARACTERS_MAX = 1024  # Names, addresses, passwords: the API's own limits are lower.
URL_CHARACTERS_MAX = 4096
CPUS_MAX = 1024  # More than hypervisors give one guest.
MEMORY_MIB_MAX = 64 << 20  # 64 TiB, for the same reason.
DISK_GIB_MAX = 64 << 10  # 64 TiB: the largest file of common file systems has less.
DISKS_MAX = 64
NICS_MAX = 32
ENVIRONMENT_CHARACTERS_MAX = 64 << 10  # The guest reads it before anything else; it fits a page.
ALLOWED_DATASTORES_MAX = 256
OVERCOMMIT_MAX = 1000.0


def check_id(what: str, value: str) -> None:
    if not _ID.fullmatch(value):
        raise BadArguments(f"{what} is no id: letters, digits, dots, hyphens and underscores only")


def check_fence(fence: int) -> None:
    _check_range("the fence", fence, 0, 2**63 - 1)


def check_provision(request: Provision) -> None:
    check_id("host_id", request.host_id)
    for what in ("address", "username", "password"):
        _check_text(what, getattr(request, what), TEXT_CHARACTERS_MAX)
    for what in ("cpu_overcommit", "memory_overcommit"):
        value = getattr(request, what)
        if not isfinite(value) or not 0 < value <= OVERCOMMIT_MAX:
            raise BadArguments(f"{what} must be above 0 and at most {OVERCOMMIT_MAX:g}")
    _check_range("allowed_datastores", len(request.allowed_datastores), 0, ALLOWED_DATASTORES_MAX)


def check_disk(disk: GuestDisk) -> None:
    check_id("a disk's id", disk.id)
    # A boot disk is as large as its image, which may be less than one GiB.
    _check_range("capacity_gib", disk.capacity_gib, 0 if disk.boot else 1, DISK_GIB_MAX)
    _check_text("datastore_id", disk.datastore_id, TEXT_CHARACTERS_MAX)


def check_image(image: ImageSource) -> None:
    check_id("an image's id", image.id)
    check_checksum(image.checksum)
    _check_range("size_bytes", image.size_bytes, 0, 2**63 - 1)
    _check_text("url", image.url, URL_CHARACTERS_MAX)


def check_spec(spec: GuestSpec) -> None:
    check_id("vm_id", spec.vm_id)
    _check_text("name", spec.name, TEXT_CHARACTERS_MAX)
    _check_range("cpus", spec.cpus, 1, CPUS_MAX)
    _check_range("memory_mib", spec.memory_mib, 1, MEMORY_MIB_MAX)
    check_image(spec.image)
    _check_range("the number of disks", len(spec.disks), 1, DISKS_MAX)
    for disk in spec.disks:
        check_disk(disk)
    if sum(disk.boot for disk in spec.disks) != 1 or any(disk.persistent for disk in spec.disks):
        raise BadArguments("a guest is made with one boot disk and no persistent ones")
    if len({disk.id for disk in spec.disks}) != len(spec.disks):
        raise BadArguments("two disks have one id")
    _check_range("the number of nics", len(spec.nics), 0, NICS_MAX)
    for nic in spec.nics:
        _check_text("network", nic.network, TEXT_CHARACTERS_MAX)
        if not _MAC.fullmatch(nic.mac_address):
            raise BadArguments("a MAC address is six pairs of hexadecimal digits and colons")
    characters = sum(len(name) + len(value) for name, value in spec.environment.items())
    _check_range("the environment's length", characters, 0, ENVIRONMENT_CHARACTERS_MAX)


def check_checksum(checksum: str) -> None:
    if not _CHECKSUM.fullmatch(checksum):
        raise BadArguments("an image's checksum is a sha256 in lowercase hexadecimal")


def _check_range(what: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        raise BadArguments(f"{what} must be from {lowest} to {highest}, not {value}")


def _check_text(what: str, value: str, characters_max: int) -> None:
    if len(value) > characters_max or "\0" in value:
        raise BadArguments(f"{what} must have at most {characters_max} characters and no NUL")
