"""Tasks: what was asked for, and how far it is."""

from __future__ import annotations

from collections.abc import Callable

from photon.sdk.exchange import LONG_POLL_SECONDS, Waiting
from photon.sdk.operation import Face, Noun, listing, operation, waiting, watching
from photon.sdk.request import Listing, Request, get, path, query
from photon.sdk.watching import Watch
from photon.wire.v1.task import Task

# Half an hour, as clients of this API always waited; an EAGER image of 100 GiB may take it.
TASK_TIMEOUT_SECONDS = 1800.0
WATCH_POLL_SECONDS = 1.0  # a person who watches steps wants to see each soon after it began


class Tasks(Noun[Face]):
    @listing
    def list(
        self,
        *,
        entity_id: str | None = None,
        entity_kind: str | None = None,
        state: str | None = None,
    ) -> Listing[Task]:
        """`entity_id` and `entity_kind` are given together or not at all."""
        filters = query(entityId=entity_id, entityKind=entity_kind, state=state)
        return Listing(path("tasks"), Task, filters)

    @watching
    def watch(
        self,
        *,
        entity_id: str | None = None,
        entity_kind: str | None = None,
        state: str | None = None,
        since: str | None = None,
    ) -> Watch[Task]:
        """The changes of that list, as they come."""
        filters = query(entityId=entity_id, entityKind=entity_kind, state=state)
        return Watch(Listing(path("tasks"), Task, filters), since)

    @operation
    def get(self, task_id: str) -> Request[Task]:
        return get(path("tasks", task_id), Task)

    @waiting
    def wait(
        self,
        task_id: str,
        timeout_seconds: float = TASK_TIMEOUT_SECONDS,
        *,
        watch: Callable[[Task], None] | None = None,
    ) -> Waiting:
        """The task once it is COMPLETED. `watch` sees it about once a second until then.

        Raises:
            TaskFailed: it ended in ERROR; the error says at which step, and why.
            TaskUnfinished: it did not end in time. It goes on.
        """
        poll_seconds = LONG_POLL_SECONDS if watch is None else WATCH_POLL_SECONDS
        return Waiting(task_id, timeout_seconds, poll_seconds, watch)
