"""Lists of tasks: of one entity, of a project, of everything (contract, 1.3)."""

from __future__ import annotations

from typing import Any

from photon.api.paging import Filters, Listing
from photon.api.plane import Plane
from photon.api.route import Call, WatchedQuery
from photon.api.views.task import task_view
from photon.api.watching import Listed, listed
from photon.store.nouns import TASKS
from photon.store.protocol import Where
from photon.wire.v1.task import Task


class ProjectTasksQuery(WatchedQuery):
    state: str | None = None
    kind: str | None = None


class TasksQuery(WatchedQuery):
    entity_id: str | None = None
    entity_kind: str | None = None
    state: str | None = None


async def tasks_of(plane: Plane, call: Call[Any, Any], kind: str) -> Listed[Task]:
    """The tasks of the entity that the path names; `call.query.state` may choose among them."""
    return await tasks_page(
        plane,
        call,
        {"entity_id": call.id, "entity_kind": kind},
        {"state": upper(call.query.state)},
    )


async def tasks_page(
    plane: Plane, call: Call[Any, Any], within: Where, filters: Filters
) -> Listed[Task]:
    return await listed(plane, call, Listing(TASKS, task_view, within=within, filters=filters))


def upper(text: str | None) -> str | None:
    return None if text is None else text.upper()
