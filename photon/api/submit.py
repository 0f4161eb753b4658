"""Makes a task: the change itself, or the saga that will make it.

A handler reads, decides, and gives its writes to one of the two functions here, which make them
durable together with the task (and, when the client named an Idempotency-Key, with the answer).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from photon.api.plane import Plane
from photon.api.route import Call
from photon.api.views.task import task_view
from photon.domain.error_catalogue import ConcurrentTask
from photon.domain.idempotency import IdempotentAnswer
from photon.domain.orders.refused import REFUSED, Refused
from photon.domain.task import ErrorRecord, StepRecord, Task, TaskState
from photon.store.errors import StoreOutcomeUnknown
from photon.store.nouns import IDEMPOTENT_ANSWERS, TASKS
from photon.store.protocol import Insert, Revision, Write
from photon.wire.v1.task import Task as TaskView


@dataclass(frozen=True, slots=True)
class Ask:
    """What is to be done, and to what: the task's operation and its entity.

    A task that is born COMPLETED shows `steps` (none: one named as the operation), and `warnings`
    on the first of them. A saga's task shows `steps` too, where not all of its own will be needed.
    """

    operation: str
    kind: str
    id: str
    project_id: str | None = None
    steps: tuple[str, ...] = ()
    warnings: tuple[ErrorRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """What a saga needs: its order, and the id of its task, which is the lock on its entities."""

    task_id: str
    order: msgspec.Struct
    warnings: tuple[ErrorRecord, ...] = ()  # shown on the first step


async def completed(
    plane: Plane, call: Call[Any, Any], ask: Ask, writes: Sequence[Write], *, answer: Any = None
) -> TaskView:
    """A change that fits one write-set: the task is born COMPLETED."""
    now = plane.clock.now_ms()
    first, *others = ask.steps or (ask.operation,)
    task = msgspec.structs.replace(
        _task(plane, ask, plane.ids.new()),
        started_ms=now,
        ended_ms=now,
        state=TaskState.COMPLETED,
        steps=(
            StepRecord(first, TaskState.COMPLETED, now, now, warnings=ask.warnings),
            *(StepRecord(step, TaskState.COMPLETED, now, now) for step in others),
        ),
        resource_properties=answer,
    )
    view, _ = await _commit(plane, call, task, writes)
    return view


async def submitted(
    plane: Plane, call: Call[Any, Any], ask: Ask, job: Job, writes: Sequence[Write]
) -> TaskView:
    """A saga: the task is QUEUED, durable, and runs here.

    `writes` set the lock (`job.task_id`) on each entity that the saga works on.

    Raises:
        OutOfThreadPoolWorker: as many tasks run and wait as may; nothing was changed.
    """
    plane.runner.admit()
    return await _start(plane, call, ask, job, writes)


async def refused(plane: Plane, call: Call[Any, Any], ask: Ask, error: ConcurrentTask) -> TaskView:
    """Another task holds the entity: this one is QUEUED and its first step fails (contract 4.1)."""
    plane.runner.admit()
    record = error.to_record()
    order = Refused(ErrorRecord(record["code"], record["message"], record["data"]))
    return await _start(
        plane,
        call,
        ask,
        Job(plane.ids.new(), order),
        (),
    )


async def _start(
    plane: Plane, call: Call[Any, Any], ask: Ask, job: Job, writes: Sequence[Write]
) -> TaskView:
    task = msgspec.structs.replace(
        _task(plane, ask, job.task_id),
        steps=tuple(
            StepRecord(step, warnings=job.warnings if place == 0 else ())
            for place, step in enumerate(ask.steps or plane.runner.steps_of(ask.operation))
        ),
        owner=plane.runner.owner,
        saga=REFUSED if isinstance(job.order, Refused) else ask.operation,
        order=msgspec.Raw(msgspec.json.encode(job.order)),
    )
    try:
        view, revision = await _commit(plane, call, task, writes)
    except StoreOutcomeUnknown:
        plane.runner.find_out(task.id)
        raise
    plane.runner.start(msgspec.structs.replace(task, generation=1), revision)
    return view


def _task(plane: Plane, ask: Ask, task_id: str) -> Task:
    return Task(
        id=task_id,
        operation=ask.operation,
        entity_kind=ask.kind,
        entity_id=ask.id,
        project_id=ask.project_id,
        queued_ms=plane.clock.now_ms(),
    )


async def _commit(
    plane: Plane, call: Call[Any, Any], task: Task, writes: Sequence[Write]
) -> tuple[TaskView, Revision]:
    view = task_view(task, call.base)
    all_writes: list[Write] = [*writes, Insert(TASKS, task)]
    if call.idempotency is not None:
        # First, so that of two equal requests at once the later learns that it was answered, and
        # not that the name it asks for is taken.
        all_writes.insert(
            0,
            Insert(
                IDEMPOTENT_ANSWERS,
                IdempotentAnswer(
                    id=call.idempotency.id,
                    body_hash=call.idempotency.body_hash,
                    status=call.status,
                    answer=msgspec.json.encode(view),
                    at_ms=task.queued_ms,
                ),
            ),
        )
    return view, await plane.store.commit(all_writes)
