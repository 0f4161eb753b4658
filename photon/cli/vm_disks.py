"""Disks of a new VM as people write them: "boot core-disk boot=true, data core-disk 10"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import click

from photon.cli.amounts import parts

if TYPE_CHECKING:
    from photon.wire.v1.vm import AttachedDiskCreateSpec

CAPACITY: Final = re.compile(r"(\d+)(GB)?", flags=re.IGNORECASE)
BOOT: Final = {"boot": True, "boot=true": True, "boot=false": False}
DEFAULT_BOOT_NAME: Final = "boot"


def attached_disks(texts: Iterable[str], boot_flavor: str | None) -> list[AttachedDiskCreateSpec]:
    """The disks of a VM: `some_disks`, of which one is the boot disk."""
    disks = some_disks(texts, boot_flavor)
    boots = sum(1 for disk in disks if disk.boot_disk)
    if boots != 1:
        raise click.UsageError(
            f"A VM has exactly one boot disk, and here are {boots}. Give --boot-disk FLAVOR, or "
            "mark one of --disks: 'boot FLAVOR boot=true'."
        )
    return disks


def some_disks(texts: Iterable[str], boot_flavor: str | None) -> list[AttachedDiskCreateSpec]:
    """The disks of `texts`, after a boot disk of `boot_flavor` when that is given."""
    disks = [_disk(part) for part in parts(texts)]
    if boot_flavor is not None:
        disks.insert(0, _disk(f"{DEFAULT_BOOT_NAME} {boot_flavor} boot=true"))
    return disks


def _disk(part: str) -> AttachedDiskCreateSpec:
    from photon.wire.v1.vm import AttachedDiskCreateSpec

    name, flavor, *rest = [*part.split(), "", ""][: max(2, len(part.split()))]
    boot = [BOOT[word.lower()] for word in rest if word.lower() in BOOT]
    sizes = [found[1] for word in rest if (found := CAPACITY.fullmatch(word))]
    if not flavor or len(boot) + len(sizes) != len(rest) or len(boot) > 1 or len(sizes) > 1:
        raise click.BadParameter(
            f"{part!r} is no disk; write NAME FLAVOR boot=true for the boot disk, and "
            "NAME FLAVOR GB for another, as in 'data core-disk 10'"
        )
    is_boot = bool(boot and boot[0])
    if not is_boot and not sizes:
        raise click.BadParameter(f"{part!r} needs its size in GB, as in '{name} {flavor} 10'")
    try:
        return AttachedDiskCreateSpec(
            name,
            flavor,
            "ephemeral-disk",
            capacity_gb=int(sizes[0]) if sizes else None,
            boot_disk=is_boot,
        )
    except ValueError as error:
        raise click.BadParameter(f"{part!r}: {error}") from error
