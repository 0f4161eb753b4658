"""Runs one task's saga to its end, or carries on from where its journal stops."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from photon.domain.error_catalogue import InternalError
from photon.domain.errors import PhotonError, RecordedError
from photon.domain.task import ErrorRecord, Task, TaskState
from photon.outside.clock import Clock
from photon.store.errors import StoreBusy, StoreUnavailable
from photon.tasks.journal import LostOwnership, TaskJournal
from photon.tasks.saga import Plan, Run, Saga, Step

UNDO_WAIT_SECONDS = 0.5  # A first retry soon: most faults are gone by then.
UNDO_WAIT_SECONDS_MAX = 60.0  # An undo is tried for ever, but not more often than this in the end.

log = logging.getLogger(__name__)


# Of each step that is really done, not answered from the journal: the task as far as its owner has
# it, and the step's name. For whoever judges what owners do.
StepWitness = Callable[[Task, str], None]


def nobody_watches(task: Task, step: str) -> None:
    """A program's own."""


@dataclass(frozen=True, slots=True)
class BoundSaga:
    """A saga with what it reaches the world through."""

    saga: Saga[Any, Any, Any]
    deps: Any
    witness: StepWitness = nobody_watches


async def execute(bound: BoundSaga, journal: TaskJournal, clock: Clock) -> None:
    """Returns when the task has ended, COMPLETED or ERROR, and that is durable.

    Raises:
        LostOwnership: another controller owns the task now.
        StoreBusy, StoreUnavailable: the task has not ended; it is to be run again.
    """
    try:
        await _execute(bound, journal, clock)
    finally:
        journal.close()


async def _execute(bound: BoundSaga, journal: TaskJournal, clock: Clock) -> None:
    saga, deps = bound.saga, bound.deps
    order = msgspec.json.decode(journal.task.order, type=saga.order)
    run: Run[Any] = Run(deps, journal, begins=lambda step: bound.witness(journal.task, step))
    try:
        result = await saga.body(run, order)
        known = journal.error()
        if known is not None:  # All steps went well, the end did not: some may be undone by now.
            raise RecordedError(known.code, known.message, known.data)

        async def finish() -> Plan:
            return await saga.finish(deps, order, result)

        await journal.end(finish, state=TaskState.COMPLETED)
        return
    except (LostOwnership, StoreBusy, StoreUnavailable, asyncio.CancelledError):
        raise  # A store that is away for a while is no reason to fail: it goes on from its journal.
    except PhotonError as error:
        journal.failed(_recorded(error))
    except Exception as bug:  # A step is one of the edges at which a bug becomes an error.
        log.exception("task %s: %s failed", journal.task.id, saga.operation)
        journal.failed(_recorded(InternalError(request_id=journal.task.id, problem=repr(bug))))

    if any(step.undo is not None for step, _ in run.started):
        await journal.flush()  # From here on a restart only undoes.
        await _unwind(run, journal, clock)

    async def fail() -> Plan:
        error = journal.error()
        assert error is not None
        return await saga.fail(deps, order, error)

    await journal.end(fail, state=TaskState.ERROR)


async def _unwind(run: Run[Any], journal: TaskJournal, clock: Clock) -> None:
    for step, argument in reversed(run.started):
        if step.undo is None or journal.is_undone(step.name):
            continue
        await _undo(run, step, argument, clock)
        journal.undone(step.name)


async def _undo(run: Run[Any], step: Step[Any, Any, Any], argument: Any, clock: Clock) -> None:
    assert step.undo is not None
    wait_seconds = UNDO_WAIT_SECONDS
    while True:
        try:
            await step.undo(run.deps, argument)
        except (LostOwnership, asyncio.CancelledError):
            raise
        except Exception as problem:  # Nothing is dropped: it is tried until it works.
            log.warning("undo of %s is tried again: %s", step.name, problem)
            run.warn(InternalError(request_id=step.name, problem=f"undo is tried again: {problem}"))
            await run.journal.flush()
            await clock.sleep(wait_seconds)
            wait_seconds = min(wait_seconds * 2, UNDO_WAIT_SECONDS_MAX)
            continue
        return


def _recorded(error: PhotonError) -> ErrorRecord:
    record = error.to_record()
    return ErrorRecord(record["code"], record["message"], record["data"])
