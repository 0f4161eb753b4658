"""What a host says that it has, as the store keeps it: its size, and which datastores it reaches.

A datastore's row is one for all hosts that reach it, so it is written only when it says something
new. It goes with the last host that reaches it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from photon.domain import guest
from photon.domain.datastore import Datastore, DatastoreTag, HostDatastore
from photon.domain.error_catalogue import HostProvisionFailed
from photon.domain.guest import HostCapacity
from photon.domain.host import Host
from photon.store.nouns import DATASTORE_TAGS, DATASTORES, HOST_DATASTORES
from photon.store.protocol import CloudStore, Delete, Insert, Reap, Require, Update, Write

# Together they keep the write-set of one host below the store's limit of a thousand writes.
DATASTORES_A_HOST_MAX: Final = 64
TAGS_A_DATASTORE_MAX: Final = 8
_LINKS_MAX: Final = DATASTORES_A_HOST_MAX  # No more than that were ever written for one host.

replace = msgspec.structs.replace


def check_capacity(host: Host, capacity: HostCapacity) -> None:
    """Raises HostProvisionFailed: the agent says that the host has more than can be."""
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
    return replace(
        host,
        hypervisor=capacity.hypervisor,
        cpus=capacity.cpus,
        memory_mib=capacity.memory_mib,
        networks=capacity.networks,
        datastore_ids=tuple([datastore.id for datastore in capacity.datastores]),
    )


async def datastore_writes(
    store: CloudStore, host_id: str, reported: Sequence[guest.HostDatastore]
) -> list[Write]:
    """What makes the store say that the host reaches just these datastores."""
    ids = [datastore.id for datastore in reported]
    known = {row.id: row for row in await store.find_many(DATASTORES, ids)}
    links = {link.datastore_id: link for link in await links_of(store, host_id)}
    writes: list[Write] = []
    for datastore in reported:
        writes += _row_writes(known.get(datastore.id), datastore)
        if datastore.id not in links:
            link = HostDatastore(f"{host_id}/{datastore.id}", host_id, datastore.id)
            writes.append(Insert(HOST_DATASTORES, link))
    gone = [link for id, link in links.items() if id not in set(ids)]
    return writes + await leaving_writes(store, gone)


async def links_of(store: CloudStore, host_id: str) -> list[HostDatastore]:
    page = await store.page(HOST_DATASTORES, {"host_id": host_id}, limit=_LINKS_MAX)
    return page.items


async def leaving_writes(store: CloudStore, links: Sequence[HostDatastore]) -> list[Write]:
    """A host no longer reaches these. A datastore that no other host reaches goes as well."""
    rows = await store.find_many(DATASTORES, [link.datastore_id for link in links])
    writes: list[Write] = [Delete(HOST_DATASTORES, link.id) for link in links]
    for row in rows:
        writes += reap_datastore(row)
    return writes


def reap_datastore(row: Datastore) -> list[Write]:
    """Removes a datastore and its tags, if no host reaches it."""
    unless = ((HOST_DATASTORES, {"datastore_id": row.id}),)
    return [
        *(Reap(DATASTORE_TAGS, _tag_id(row.id, tag), {}, unless) for tag in row.tags),
        Reap(DATASTORES, row.id, {}, unless),
    ]


def _row_writes(known: Datastore | None, reported: guest.HostDatastore) -> Iterable[Write]:
    tags = tuple(sorted(reported.tags))
    row = Datastore(
        id=reported.id,
        name=reported.name,
        type=reported.type,
        tags=tags,
        capacity_gib=reported.capacity_gib,
        image_datastore=reported.image_datastore,
    )
    if known is None:
        yield Insert(DATASTORES, row)
    elif replace(known, generation=0) == row:
        # So that it is not removed with another host while this one comes to reach it.
        yield Require(DATASTORES, row.id)
    else:
        yield Update(DATASTORES, replace(row, generation=known.generation))
    before = () if known is None else known.tags
    for tag in tags:
        if tag not in before:
            yield Insert(DATASTORE_TAGS, DatastoreTag(_tag_id(row.id, tag), row.id, tag))
    for tag in before:
        if tag not in tags:
            yield Delete(DATASTORE_TAGS, _tag_id(row.id, tag))


def _tag_id(datastore_id: str, tag: str) -> str:
    return f"{datastore_id}/{tag}"
