"""How a saga that failed, or changes nothing, lets go of what it had locked."""

from __future__ import annotations

from typing import Protocol

import msgspec

from photon.domain.task import ErrorRecord
from photon.sagas.cloud import Cloud
from photon.store.nouns import VMS
from photon.store.protocol import Update
from photon.tasks.saga import Plan


class _OfVm(Protocol):
    @property
    def vm_id(self) -> str: ...


async def unlock_vm(cloud: Cloud, order: _OfVm, error: ErrorRecord) -> Plan:
    """The VM as it was, and free for the next task."""
    vm = await cloud.vm(order.vm_id)
    return Plan([Update(VMS, msgspec.structs.replace(vm, task_id=None))])


async def nothing_to_unlock(cloud: Cloud, order: object, error: ErrorRecord) -> Plan:
    """For a task that only asked."""
    return Plan()
