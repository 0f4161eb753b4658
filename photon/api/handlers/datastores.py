"""Datastores: found on hosts, and only shown."""

from __future__ import annotations

import msgspec

from photon.api.paging import Listing, list_page, page_asked
from photon.api.plane import Plane
from photon.api.route import Call, NoQuery
from photon.api.views.host import datastore_view
from photon.domain.datastore import DatastoreTag
from photon.domain.error_catalogue import DatastoreNotFound
from photon.store.nouns import DATASTORE_TAGS, DATASTORES
from photon.wire.v1 import host as wire
from photon.wire.v1.basics import ResourceList


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
