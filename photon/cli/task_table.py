"""What a list of tasks shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from photon.cli.answer import moment

if TYPE_CHECKING:
    from photon.cli.table import Column
    from photon.wire.v1.task import Task


def took(task: Task) -> str:
    """How long it ran, while that is known."""
    if task.started_time is None or task.end_time is None:
        return "-"
    return f"{(task.end_time - task.started_time) / 1000:.1f} s"


TASK_COLUMNS: list[Column] = [
    ("ID", lambda task: task.id),
    ("OPERATION", lambda task: task.operation),
    ("STATE", lambda task: task.state),
    ("ENTITY", lambda task: f"{task.entity.kind} {task.entity.id}"),
    ("QUEUED", lambda task: moment(task.queued_time)),
    ("TOOK", took),
]
