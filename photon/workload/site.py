"""What a cloud offers to a workload, and what of it the workload uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FEED_REACHES: Final = 100_000  # What docs/how-to/watch.md promises.
_BOOT_SIGNATURE: Final = b"\x55\xaa"
_SECTOR_BYTES: Final = 512
_IMAGE_BYTES: Final = 1 << 17


@dataclass(frozen=True, slots=True)
class HostOffer:
    """A host that may be added, by the address at which its agent is found."""

    address: str
    agent_endpoint: str
    username: str = "photon"
    password: str = "photon"  # noqa: S105 - simulated agents and the devbox's take anybody's


@dataclass(frozen=True, slots=True)
class Site:
    """`guests_die`: guests may end by themselves. `images`: whether uploads are wanted. `alone`:
    nobody else has anything in this cloud, so what is listed was made by clients. `feed_reaches`:
    who is so many revisions behind at most is never told to list again."""

    hosts: tuple[HostOffer, ...]
    port_groups: tuple[str, ...] = ("VM Network",)
    hosts_at_start: int | None = None  # None: all
    guests_die: bool = True
    uploads: bool = True
    alone: bool = True
    feed_reaches: int = FEED_REACHES


@dataclass(frozen=True, slots=True)
class Load:
    """`pause_seconds`: how long a client rests between two operations, at most. `watchers` follow
    lists meanwhile."""

    clients: int = 6
    watchers: int = 2
    tenants: int = 2
    projects: int = 4
    pause_seconds: float = 2.0


def small_disk(number: int) -> bytes:
    """A raw disk with nothing in it but a boot sector's signature and a number."""
    head = bytearray(_SECTOR_BYTES)
    head[:8] = number.to_bytes(8, "big")
    head[-2:] = _BOOT_SIGNATURE
    return bytes(head) + bytes(_IMAGE_BYTES - _SECTOR_BYTES)
