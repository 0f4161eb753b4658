"""What was told of tasks, ids and revisions, by whichever controller: it must all go together."""

from __future__ import annotations

from bisect import bisect_right
from typing import Any, Final

import msgspec

from photon.domain.task import ENDED, TaskState
from photon.workload.broken import Broken, Promise
from photon.workload.facts import Span
from photon.workload.history import Moment

Json = dict[str, Any]

RANK: Final = {
    TaskState.QUEUED: 0,
    TaskState.STARTED: 1,
    TaskState.COMPLETED: 2,
    TaskState.ERROR: 2,
}
# A bug of ours that became a task's error says so: its text begins as a failed request's does.
_BUG: Final = "request "


class SeenTask(msgspec.Struct):
    """`best` is the furthest state that was told, by an answer that came at `told`."""

    identity: tuple[Any, ...]
    best: TaskState
    told: Moment
    end: bytes | None = None


class Ledger:
    def __init__(self) -> None:
        self.tasks: dict[str, SeenTask] = {}
        self._of_entity: dict[str, list[str]] = {}  # ids of tasks
        self._entities: dict[str, str] = {}  # id -> who asked for it
        self._revisions: tuple[list[Moment], list[int]] = ([], [])

    def saw_task(self, task: Json, span: Span) -> TaskState:
        """One look at a task.

        Raises:
            Broken: it is not what it was, goes backwards, or ended in two ways.
        """
        id, state = str(task["id"]), TaskState(task["state"])
        entity = task["entity"]
        identity = (task["operation"], entity["kind"], entity["id"], task["queuedTime"])
        seen = self.tasks.get(id)
        if seen is None:
            seen = self.tasks[id] = SeenTask(identity, state, span.end)
            self._of_entity.setdefault(str(entity["id"]), []).append(id)
        if seen.identity != identity:
            text = f"task {id} was {seen.identity} and is {identity}"
            raise Broken(Promise.TASK_ENDS_ONCE, text, id)
        if RANK[state] < RANK[seen.best] and seen.told < span.begin:
            text = f"task {id} was told to be {seen.best}, and later to be {state}"
            raise Broken(Promise.READS_SEE_WRITES, text, id, identity[2])
        if state in ENDED:
            self._ended(id, task, seen)
        if RANK[state] >= RANK[seen.best]:
            seen.best, seen.told = state, span.end
        return state

    def _ended(self, id: str, task: Json, seen: SeenTask) -> None:
        end = msgspec.json.encode({**task, "selfLink": ""}, order="sorted")
        if seen.end is not None and seen.end != end:
            text = f"task {id} ended twice: {seen.end.decode()} and {end.decode()}"
            raise Broken(Promise.TASK_ENDS_ONCE, text, id, str(task["entity"]["id"]))
        seen.end = end
        if task["endTime"] is None:
            raise Broken(Promise.TASK_ENDS_ONCE, f"task {id} ended at no time", id)
        for error in errors_of(task):
            if error["code"] == "InternalError" and error["message"].startswith(_BUG):
                text = f"task {id} ended with a bug: {error['message']}"
                raise Broken(Promise.NO_INTERNAL_ERROR, text, id, str(task["entity"]["id"]))

    def told_of(self, entity_id: str, before: Moment, state: TaskState | None) -> list[str]:
        """The tasks of an entity that were told of before a moment; in a state, if it is final."""
        return [
            id
            for id in self._of_entity.get(entity_id, ())
            if (seen := self.tasks[id]).told < before and state in (None, seen.best)
        ]

    def new_id(self, id: str, asked_by: str) -> None:
        """`asked_by` names one request, however often it was sent. Raises Broken."""
        known = self._entities.setdefault(id, asked_by)
        if known != asked_by:
            raise Broken(Promise.IDS_ARE_NEW, f"the id {id} was given twice", id)

    @property
    def revision(self) -> int:
        """The newest that a list was read at."""
        return self._revisions[1][-1] if self._revisions[1] else 0

    def saw_revision(self, revision: int, span: Span) -> None:
        """The revision that a list was read at. Raises Broken: a newer one was read before."""
        moments, revisions = self._revisions
        before = bisect_right(moments, span.begin)
        if before and revisions[before - 1] > revision:
            text = f"a list was read at revision {revision}, after one at {revisions[before - 1]}"
            raise Broken(Promise.READS_SEE_WRITES, text)
        if not revisions or revision > revisions[-1]:
            moments.append(span.end)
            revisions.append(revision)


def errors_of(task: Json) -> list[Json]:
    """All errors of all steps."""
    return [error for step in task["steps"] for error in step["errors"]]


def codes_of(task: Json) -> list[str]:
    return [str(error["code"]) for error in errors_of(task)]
