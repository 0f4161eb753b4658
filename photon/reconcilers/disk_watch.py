"""Holds the persistent disks of a host against what the store says of them.

  seen                                             done
  a disk is not on its host                        the disk -> ERROR, and off its VM
  a disk is attached to another VM, or to none     VMs and disk say what the host says

As with guests: what a task works on is left alone, and each write names what was read before the
host was asked.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from photon.domain.disk import DiskState, PersistentDisk, VmDisk
from photon.domain.guest import HostDisk
from photon.domain.vm import Vm
from photon.store.errors import StoreConflict
from photon.store.nouns import DISKS, VMS
from photon.store.protocol import CloudStore, Update, Write

PAGE: Final = 100

log = logging.getLogger(__name__)
replace = msgspec.structs.replace


@dataclass(frozen=True, slots=True)
class DiskWatch:
    store: CloudStore

    async def disks_of(self, host_id: str) -> list[PersistentDisk]:
        """The disks that the store says are on a host; to be read before the host is asked."""
        disks: list[PersistentDisk] = []
        after: str | None = None
        while True:
            page = await self.store.page(DISKS, {"host_id": host_id}, limit=PAGE, after=after)
            disks += page.items
            if not page.more:
                return disks
            after = page.items[-1].id

    async def agree(
        self, disk: PersistentDisk, kept: HostDisk | None, vms: Mapping[str, Vm]
    ) -> None:
        """`kept` is the disk as its host has it; `vms` are those of the host, as they were read."""
        if disk.task_id is not None:
            return
        vm_id = (kept.attached_vm_id or None) if kept is not None else None
        if kept is None:
            state = DiskState.ERROR
        else:
            state = DiskState.DETACHED if vm_id is None else DiskState.ATTACHED
        if (state, vm_id) == (disk.state, disk.vm_id):
            return
        if vm_id is not None and vm_id not in vms:
            return  # An orphan has it, which is removed first.
        log.warning("disk %s is %s (VM %s) on its host, not %s", disk.id, state, vm_id, disk.state)
        writes: list[Write] = [Update(DISKS, replace(disk, state=state, vm_id=vm_id))]
        for vm in (vms.get(disk.vm_id or ""), vms.get(vm_id or "")):
            if vm is None:
                continue
            if vm.task_id is not None:
                return  # Its end may change all this; it is looked at again.
            writes += _said_of(vm, disk, attached=vm.id == vm_id)
        try:
            await self.store.commit(writes)
        except StoreConflict:
            log.info("disk %s or its VM was changed meanwhile; it is looked at again", disk.id)


def _said_of(vm: Vm, disk: PersistentDisk, *, attached: bool) -> list[Write]:
    said = disk.id in {each.id for each in vm.disks}
    if said == attached:
        return []
    others = tuple(each for each in vm.disks if each.id != disk.id)
    return [Update(VMS, replace(vm, disks=(*others, VmDisk.plugged(disk)) if attached else others))]
