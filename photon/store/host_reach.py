"""What hosts say that they have, as the store keeps it: which datastores each of them reaches.

A datastore's row is one for all hosts that reach it, so it is written only when it says something
new. It goes with the last host that reaches it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from photon.domain import guest
from photon.domain.datastore import Datastore, DatastoreTag, HostDatastore
from photon.domain.guest import HostCapacity
from photon.domain.host import Host
from photon.domain.host_capacity import DATASTORES_A_HOST_MAX, check_capacity, equipped
from photon.store.nouns import DATASTORE_TAGS, DATASTORES, HOST_DATASTORES, HOSTS
from photon.store.protocol import CloudStore, Delete, Insert, Reap, Require, Update, Write

replace = msgspec.structs.replace


async def learn(store: CloudStore, host: Host, capacity: HostCapacity) -> None:
    """Writes what a host says that it has, if it is anything new and no task works on the host.

    Raises:
        HostProvisionFailed: it is more than can be kept track of.
        StoreConflict: somebody else was quicker; ask the host again.
    """
    check_capacity(host, capacity)
    if host.task_id is not None:
        return
    now = equipped(host, capacity)
    # Of a host that was removed meanwhile nothing must be left behind.
    same = Require(HOSTS, host.id, {"generation": host.generation})
    writes: list[Write] = [same if now == host else Update(HOSTS, now)]
    writes += await datastore_writes(store, host.id, capacity.datastores)
    if any(not isinstance(write, Require) for write in writes):
        await store.commit(writes)


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
    page = await store.page(HOST_DATASTORES, {"host_id": host_id}, limit=DATASTORES_A_HOST_MAX)
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
