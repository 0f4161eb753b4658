"""What the owner of a host says about it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network
from pathlib import Path

# Persistent disks of one guest at a time. Each is a PCI bridge that a guest looks at as it boots.
ATTACH_SLOTS = 12
DEFAULT_POOL = IPv4Network("10.144.0.0/16")  # Private, and rarely anybody's own.


class Accel(StrEnum):
    """How guests' instructions are run."""

    AUTO = "auto"  # KVM where it really runs guests, else TCG
    KVM = "kvm"
    TCG = "tcg"  # QEMU's own translation: works everywhere, ten times slower


@dataclass(frozen=True)
class DatastoreSettings:
    name: str
    directory: Path
    shared: bool = False  # with other hosts: a file system that all of them mount


@dataclass(frozen=True)
class NetworkSettings:
    """The port groups that this host reaches: each becomes a bridge with DHCP of its own.

    Every port group takes one subnet of `pool`, of `subnet_prefix` bits. `scope` keeps apart the
    bridges of several agents on one machine: with another scope, names are other ones.
    """

    port_groups: tuple[str, ...] = ("VM Network",)
    pool: IPv4Network = DEFAULT_POOL
    subnet_prefix: int = 24
    scope: str = ""


@dataclass(frozen=True)
class QemuSettings:
    state_dir: Path
    datastores: tuple[DatastoreSettings, ...]  # images and captures lie on the first
    networks: NetworkSettings = field(default_factory=NetworkSettings)
    accel: Accel = Accel.AUTO
    # Longer than a busy system takes to sync its disks; after it, the plug is pulled.
    orderly_stop_seconds: float = 60.0
    # A guest that runs lets go of a disk in under a second, an emulated busy one in several.
    detach_seconds: float = 20.0
    # Starting a guest and converting a disk are work for a core; more at once only queue there.
    spawns_max: int = 2 * (os.cpu_count() or 1)
