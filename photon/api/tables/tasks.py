"""Routes of tasks."""

from __future__ import annotations

from typing import Final

from photon.api.handlers import tasks
from photon.api.route import Route, Tag
from photon.api.task_lists import TasksQuery
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.task import Task

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        "/v1/tasks",
        tasks.list_tasks,
        ResourceList[Task],
        Tag.TASKS,
        "List tasks",
        query=TasksQuery,
    ),
    Route(
        "GET",
        "/v1/tasks/{id}",
        tasks.show_task,
        Task,
        Tag.TASKS,
        "Show a task, now or when it has ended",
        query=tasks.TaskQuery,
    ),
)
