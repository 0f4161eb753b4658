"""Many things at once, but not more than so many."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

from photon.plan.problems import PlanFailed

T = TypeVar("T")


async def bounded(work: Iterable[Coroutine[Any, Any, T]], at_once: int) -> list[T]:
    """All outcomes, in order; so many run at a time. Raises PlanFailed, if one of them did."""
    turns = asyncio.Semaphore(at_once)

    async def one(each: Coroutine[Any, Any, T]) -> T:
        async with turns:
            return await each

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(each)) for each in work]
    except* PlanFailed as failed:
        raise first(failed) from None
    return [task.result() for task in tasks]


def first(group: BaseExceptionGroup[PlanFailed]) -> PlanFailed:
    """One reason is enough for a person; the others are its consequences."""
    for problem in group.exceptions:
        return first(problem) if isinstance(problem, BaseExceptionGroup) else problem
    raise AssertionError("a group has at least one")
