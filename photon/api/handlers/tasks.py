"""Tasks: what was asked for, and how far it is."""

from __future__ import annotations

from typing import Annotated

import msgspec

from photon.api.plane import Plane
from photon.api.route import Call
from photon.api.task_lists import TasksQuery, tasks_page, upper
from photon.api.views.task import task_view
from photon.api.watching import Listed
from photon.domain.error_catalogue import InvalidQueryParams, NotFound
from photon.wire.v1.task import Task

WAIT_SECONDS_MAX = 60  # Proxies between here and a client close what is silent for longer.


class TaskQuery(msgspec.Struct):
    """`wait`: answer when the task has ended, or after so many seconds."""

    wait: Annotated[float, msgspec.Meta(ge=0, le=WAIT_SECONDS_MAX)] = 0.0


async def show_task(plane: Plane, call: Call[TaskQuery, None]) -> Task:
    task = await plane.ends.ended(call.id, seconds=call.query.wait)
    if task is None:
        raise NotFound("Task", call.id)
    return task_view(task, call.base)


async def list_tasks(plane: Plane, call: Call[TasksQuery, None]) -> Listed[Task]:
    query = call.query
    if query.page_link is None and (query.entity_id is None) != (query.entity_kind is None):
        raise InvalidQueryParams("entityId and entityKind go together; give both, or neither")
    filters = {
        "entity_id": query.entity_id,
        "entity_kind": None if query.entity_kind is None else query.entity_kind.lower(),
        "state": upper(query.state),
    }
    return await tasks_page(plane, call, {}, filters)
