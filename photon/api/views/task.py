"""How a task is shown (contract, 2.2)."""

from __future__ import annotations

from photon.domain.task import ErrorRecord, Task
from photon.wire.v1.basics import ApiError
from photon.wire.v1.task import Step, TaskEntity
from photon.wire.v1.task import Task as TaskView


def task_view(task: Task, base: str) -> TaskView:
    return TaskView(
        id=task.id,
        self_link=f"{base}/v1/tasks/{task.id}",
        kind="task",
        entity=TaskEntity(task.entity_kind, task.entity_id),
        state=task.state,
        steps=[
            Step(
                sequence=sequence,
                state=step.state,
                operation=step.operation,
                errors=_errors(step.errors),
                warnings=_errors(step.warnings),
                queued_time=task.queued_ms,
                started_time=step.started_ms,
                end_time=step.ended_ms,
                options=step.options,
            )
            for sequence, step in enumerate(task.steps)
        ],
        operation=task.operation,
        queued_time=task.queued_ms,
        started_time=task.started_ms,
        end_time=task.ended_ms,
        resource_properties=task.resource_properties,
    )


def _errors(records: tuple[ErrorRecord, ...]) -> list[ApiError]:
    return [ApiError(record.code, record.message, record.data) for record in records]
