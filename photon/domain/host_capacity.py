"""What a host's agent says that it has, and how much of that is taken."""

from __future__ import annotations

from typing import Final

import msgspec

from photon.domain.error_catalogue import HostProvisionFailed
from photon.domain.guest import HostCapacity
from photon.domain.host import Host

# Together they keep the write-set of one host below the store's limit of a thousand writes.
DATASTORES_A_HOST_MAX: Final = 64
TAGS_A_DATASTORE_MAX: Final = 8


def check_capacity(host: Host, capacity: HostCapacity) -> None:
    """Raises HostProvisionFailed: the host has more than can be kept track of."""
    datastores = capacity.datastores
    if len(datastores) > DATASTORES_A_HOST_MAX:
        cause = (
            f"it has {len(datastores)} datastores and at most {DATASTORES_A_HOST_MAX} are kept "
            "track of; name those to use in its metadata ALLOWED_DATASTORES"
        )
        raise HostProvisionFailed(host.address, cause)
    for datastore in datastores:
        if len(datastore.tags) > TAGS_A_DATASTORE_MAX:
            cause = (
                f"its datastore {datastore.name} has {len(datastore.tags)} tags; "
                f"give it {TAGS_A_DATASTORE_MAX} at most"
            )
            raise HostProvisionFailed(host.address, cause)


def equipped(host: Host, capacity: HostCapacity) -> Host:
    """The host with what its agent says that it has."""
    return msgspec.structs.replace(
        host,
        hypervisor=capacity.hypervisor,
        cpus=capacity.cpus,
        memory_mib=capacity.memory_mib,
        cpu_overcommit=capacity.cpu_overcommit or host.cpu_overcommit,
        memory_overcommit=capacity.memory_overcommit or host.memory_overcommit,
        networks=capacity.networks,
        datastore_ids=tuple([datastore.id for datastore in capacity.datastores]),
    )
