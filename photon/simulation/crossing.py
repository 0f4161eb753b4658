"""From one simulated program to another, without a network: what is no RPC, such as HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from photon.simulation.loop import SimulatedLoop
from photon.simulation.process import PROCESS, Process

T = TypeVar("T")


class Died(Exception):
    """The program died before it answered."""


async def ask(target: Process, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs `work` in the name of `target`, and answers its outcome to the caller's own program.

    A caller that is cancelled is no longer told; the work goes on. Raises Died, and what `work`
    raises.
    """
    loop = cast("SimulatedLoop", asyncio.get_running_loop())
    caller = PROCESS.get(loop.outside)
    told: asyncio.Future[T] = loop.create_future()
    if not target.alive:
        raise Died(target.name)

    def died() -> None:
        caller.call_soon(_tell_death, told, target.name)

    def begin() -> None:
        target.create_task(work()).add_done_callback(ended)

    def ended(task: asyncio.Task[T]) -> None:
        if not task.cancelled():
            task.exception()  # Looked at, also if the caller is dead by now.
        caller.call_soon(_tell, told, task)

    forget = target.when_dead(died)
    target.call_soon(begin)
    try:
        return await told
    finally:
        forget()


def _tell_death(told: asyncio.Future[Any], name: str) -> None:
    if not told.done():
        told.set_exception(Died(name))


def _tell(told: asyncio.Future[T], task: asyncio.Task[T]) -> None:
    if task.cancelled():
        told.cancel()
        return
    problem = task.exception()
    if told.done():
        return
    if problem is not None:
        told.set_exception(problem)
    else:
        told.set_result(task.result())
