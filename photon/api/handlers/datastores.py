"""Datastores: found on hosts, and only shown; and which of them images are kept on."""

from __future__ import annotations

from typing import Any

import msgspec

from photon.api.paging import Listing, list_page, page_asked
from photon.api.plane import Plane
from photon.api.route import Call, NoQuery
from photon.api.submit import Ask, Job, submitted
from photon.api.views.host import datastore_view
from photon.domain.datastore import DatastoreTag
from photon.domain.error_catalogue import (
    DatastoreNotFound,
    InvalidEntity,
    InvalidImageDatastoreSet,
)
from photon.domain.kinds import EntityKind
from photon.domain.orders.host import SyncHosts
from photon.domain.system import SYSTEM_ID
from photon.store.nouns import DATASTORE_TAGS, DATASTORES, SYSTEM
from photon.store.protocol import Update, Write
from photon.wire.v1 import host as wire
from photon.wire.v1.basics import ResourceList, StringList
from photon.wire.v1.task import Task


class DatastoresQuery(msgspec.Struct, rename="camel"):
    tag: str | None = None
    page_size: str | None = None
    page_link: str | None = None


async def list_datastores(
    plane: Plane, call: Call[DatastoresQuery, None]
) -> ResourceList[wire.Datastore]:
    """All, or those that have just this tag."""
    filters = {"tag": call.query.tag}
    if page_asked(call, filters).filters.get("tag") is None:
        return await list_page(plane, call, Listing(DATASTORES, datastore_view, filters=filters))
    page = await list_page(plane, call, Listing(DATASTORE_TAGS, _as_it_is, filters=filters))
    found = await plane.store.find_many(DATASTORES, [row.datastore_id for row in page.items])
    return ResourceList(
        [datastore_view(datastore, call.base) for datastore in found],
        page.next_page_link,
        page.previous_page_link,
    )


def _as_it_is(row: DatastoreTag, base: str) -> DatastoreTag:
    return row


async def show_datastore(plane: Plane, call: Call[NoQuery, None]) -> wire.Datastore:
    datastore = await plane.store.find(DATASTORES, call.id)
    if datastore is None:
        raise DatastoreNotFound(call.id)
    return datastore_view(datastore, call.base)


async def set_image_datastores(plane: Plane, call: Call[NoQuery, StringList]) -> Task:
    """Names the datastores that images are kept on. The set only grows."""
    proposed = {name.strip() for name in call.body.items}
    if not proposed or "" in proposed:
        raise InvalidEntity(problem="name at least one datastore, and none with an empty name")
    system = await plane.store.find(SYSTEM, SYSTEM_ID)
    assert system is not None, "the first controller makes the row"
    existing = set(system.image_datastores)
    if not proposed >= existing:
        raise InvalidImageDatastoreSet(", ".join(sorted(proposed)), ", ".join(sorted(existing)))
    grown = msgspec.structs.replace(system, image_datastores=tuple(sorted(proposed)))
    return await _synced(plane, call, "UPDATE_IMAGE_DATASTORES", [Update(SYSTEM, grown)])


async def sync_hosts_config(plane: Plane, call: Call[NoQuery, None]) -> Task:
    """Tells every provisioned host its terms, and asks what it has, once more."""
    return await _synced(plane, call, "SYNC_HOSTS_CONFIG", [])


async def _synced(
    plane: Plane, call: Call[NoQuery, Any], operation: str, writes: list[Write]
) -> Task:
    ask = Ask(operation, EntityKind.DEPLOYMENT, SYSTEM_ID)
    return await submitted(plane, call, ask, Job(plane.ids.new(), SyncHosts()), writes)
