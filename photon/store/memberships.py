"""The writes that keep a VM's row of groups in step with the VM, in the VM's own write-sets.

A VM without groups has no row, and nothing is read or written for it.
"""

from __future__ import annotations

import msgspec

from photon.domain.membership import Membership
from photon.domain.vm import Vm
from photon.store.nouns import MEMBERSHIPS
from photon.store.protocol import CloudStore, Insert, Reap, Update, Write


async def placed_member(store: CloudStore, vm: Vm) -> list[Write]:
    """The VM came to be on its host."""
    return await changed_member(store, vm) if vm.tags or vm.asked else []


async def changed_member(store: CloudStore, vm: Vm) -> list[Write]:
    """The VM's groups or its host are others than before."""
    keys = tuple(sorted(vm.group_keys))
    known = await store.find(MEMBERSHIPS, vm.id)
    if known is None:
        return [Insert(MEMBERSHIPS, Membership(vm.id, keys, vm.host_id))] if keys else []
    changed = msgspec.structs.replace(known, keys=keys, host_id=vm.host_id)
    return [] if changed == known else [Update(MEMBERSHIPS, changed)]


def forgotten_member(vm: Vm) -> list[Write]:
    """The VM is deleted."""
    return [Reap(MEMBERSHIPS, vm.id, {}, ())] if vm.tags or vm.asked else []
