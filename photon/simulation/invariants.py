"""What must hold in the truth of a simulated cloud, whatever its clients were told."""

from __future__ import annotations

from collections.abc import Coroutine
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")


class Invariant(StrEnum):
    """Names under which a violation is reported. What clients were promised is in `Promise`."""

    HELD_WITHIN_CAPACITY = "HELD_WITHIN_CAPACITY"  # a host, and a datastore over all hosts
    CHOSEN_BEFORE_MADE = "CHOSEN_BEFORE_MADE"  # a host, durably, before anything is made there
    ZONE_AS_ASKED = "ZONE_AS_ASKED"  # of a VM that must be in one
    CLOSED_TAKES_NOTHING = "CLOSED_TAKES_NOTHING"  # new, a host that is suspended or being emptied
    MAINTENANCE_IS_EMPTY = "MAINTENANCE_IS_EMPTY"  # a host in maintenance has no guests
    RUNS_ON_ONE_HOST = "RUNS_ON_ONE_HOST"
    VM_STAYS = "VM_STAYS"  # on the host that it was given
    QUOTA_IS_THE_SUM = "QUOTA_IS_THE_SUM"
    QUOTA_WITHIN_LIMIT = "QUOTA_WITHIN_LIMIT"
    LOCK_HAS_TASK = "LOCK_HAS_TASK"
    TASK_HAS_OWNER = "TASK_HAS_OWNER"
    ADOPTED_FROM_THE_DEAD = "ADOPTED_FROM_THE_DEAD"  # a task goes on elsewhere only then
    OFFICE_HAS_ONE = "OFFICE_HAS_ONE"  # at a time, who may act upon it
    SILENT_BEFORE_BURIED = "SILENT_BEFORE_BURIED"  # for a lease, whoever is taken for dead
    SILENT_IS_MISSING = "SILENT_IS_MISSING"  # a host that nobody can hear is said to be
    DEAD_STAYS_DEAD = "DEAD_STAYS_DEAD"  # on a host, what was deleted, whatever comes late
    FAILED_LEAVES_NOTHING = "FAILED_LEAVES_NOTHING"  # of what a task began, if hosts are reached
    DELETED_IS_GONE = "DELETED_IS_GONE"  # from its host, when its task says so, if that is reached
    FINISHED_STAYS_FINISHED = "FINISHED_STAYS_FINISHED"  # a task's owner repeats no finished step
    END_IS_FINAL = "END_IS_FINAL"  # a task that ended stays as it ended
    WRITES_COUNT_UP = "WRITES_COUNT_UP"  # each write of a row raises its generation
    GOES_BY_ITS_TASK = "GOES_BY_ITS_TASK"  # a row vanishes by the task that deletes it alone
    FEED_IS_WHOLE = "FEED_IS_WHOLE"  # each controller hears every change, once, in order
    SLOW_READERS_ARE_CUT = "SLOW_READERS_ARE_CUT"  # a writer does not wait for one for ever
    NO_MISHAP = "NO_MISHAP"  # nothing raises where nobody looks
    PROMISES_END = "PROMISES_END"  # what no host reports is held for a lease, and no longer
    BOOKS_ADD_UP = "BOOKS_ADD_UP"  # a leaf's sums, and its belief when all is quiet
    BECOMES_QUIET = "BECOMES_QUIET"  # when nothing fails any more, everything ends
    AUDIT_FINDS_NOTHING = "AUDIT_FINDS_NOTHING"


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """What a coroutine answers that waits for nothing: reading must not let others run."""
    try:
        work.send(None)
    except StopIteration as done:
        answer: T = done.value
        return answer
    work.close()
    raise AssertionError("this was to be read at once, and waits")
