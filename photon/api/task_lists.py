"""Lists of tasks: of one entity, of a project, of everything (contract, 1.3)."""

from __future__ import annotations

from typing import Any

import msgspec

from photon.api.paging import Filters, Listing, list_page
from photon.api.plane import Plane
from photon.api.route import Call
from photon.api.views.task import task_view
from photon.store.nouns import TASKS
from photon.store.protocol import Where
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.task import Task


class ProjectTasksQuery(msgspec.Struct, rename="camel"):
    state: str | None = None
    kind: str | None = None
    page_size: str | None = None
    page_link: str | None = None


class TasksQuery(msgspec.Struct, rename="camel"):
    entity_id: str | None = None
    entity_kind: str | None = None
    state: str | None = None
    page_size: str | None = None
    page_link: str | None = None


async def tasks_of(plane: Plane, call: Call[Any, Any], kind: str) -> ResourceList[Task]:
    """The tasks of the entity that the path names; `call.query.state` may choose among them."""
    return await tasks_page(
        plane,
        call,
        {"entity_id": call.id, "entity_kind": kind},
        {"state": upper(call.query.state)},
    )


async def tasks_page(
    plane: Plane, call: Call[Any, Any], within: Where, filters: Filters
) -> ResourceList[Task]:
    return await list_page(plane, call, Listing(TASKS, task_view, within=within, filters=filters))


def upper(text: str | None) -> str | None:
    return None if text is None else text.upper()
