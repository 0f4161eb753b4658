"""Every operation that runs as a saga. Names are stored in tasks: a rename is a migration."""

from __future__ import annotations

from typing import Any, Final

from photon.sagas import (
    ask_vm,
    audit,
    create_vm,
    delete_vm,
    disks,
    hosts,
    hosts_delete,
    hosts_modes,
    hosts_sync,
    images,
    images_capture,
    power_vm,
    refused,
    vm_disks,
)
from photon.tasks.saga import Saga

SAGAS: Final[tuple[Saga[Any, Any, Any], ...]] = (
    create_vm.SAGA,
    delete_vm.SAGA,
    *power_vm.SAGAS,
    *vm_disks.SAGAS,
    *ask_vm.SAGAS,
    *disks.SAGAS,
    *hosts.SAGAS,
    *hosts_modes.SAGAS,
    hosts_delete.SAGA,
    *hosts_sync.SAGAS,
    images.SAGA,
    images_capture.SAGA,
    audit.SAGA,
    refused.SAGA,
)
