"""Where a VM or a disk is, or why it is nowhere."""

from __future__ import annotations

from photon.agent_client.address import HostAddress
from photon.domain.disk import PersistentDisk
from photon.domain.vm import Vm
from photon.sagas.cloud import Cloud
from photon.sagas.missing import refuse_missing
from photon.sagas.refusals import NotDone


async def host_of(cloud: Cloud, vm: Vm) -> HostAddress:
    """The host that holds the guest, to be called.

    Raises:
        HostMissing: it would not answer.
        InternalError: none does; a VM that is in ERROR has no guest.
    """
    if vm.host_id is None:
        raise NotDone(
            id=vm.id,
            problem=f"VM {vm.id} is {vm.state} and is on no host; delete it and create another",
        )
    host = await cloud.host(vm.host_id)
    await refuse_missing(cloud, host)
    return HostAddress(host.agent_endpoint, host.id)


async def host_of_disk(cloud: Cloud, disk: PersistentDisk) -> HostAddress | None:
    """The host that made the disk; None when none did."""
    return None if disk.host_id is None else await cloud.address_of(disk.host_id)
