"""Programs in one event loop: each task, callback and timer belongs to the one that began it.

A contextvar says to which, and asyncio hands contexts on by itself. The loop asks it before it runs
anything: what belongs to a dead program is never run again, as after kill -9, and what belongs to a
frozen one waits for the thaw.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar, TypeVarTuple, Unpack

if TYPE_CHECKING:
    from photon.simulation.loop import SimulatedLoop, Turn

_Ts = TypeVarTuple("_Ts")
_T = TypeVar("_T")


class Process:
    """One life of one program; its next life is another object with the same name.

    `when_dead` are called once, at its death, in the order in which they were added: by those
    outside of it who hold something in its name, as a network holds connections.
    """

    def __init__(self, name: str, loop: SimulatedLoop) -> None:
        self.name = name
        self.alive = True
        self.frozen = False
        self.thawed_at = 0.0  # by the loop's clock
        self.silent = False  # it died with its machine: nobody resets its connections
        self.context = contextvars.Context()
        self.context.run(PROCESS.set, self)
        self.parked: list[Turn] = []  # what came due while it was frozen, in order
        self._when_dead: dict[object, Callable[[], None]] = {}
        self._loop = loop

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def call_soon(self, call: Callable[[Unpack[_Ts]], object], *args: *_Ts) -> None:
        """Enters the program from outside: the loop calls this in its name."""
        self._loop.call_soon(call, *args, context=self.context)

    def call_at(
        self, when: float, call: Callable[[Unpack[_Ts]], object], *args: *_Ts
    ) -> asyncio.TimerHandle:
        """As `call_soon`, at a time of the loop's clock."""
        return self._loop.call_at(when, call, *args, context=self.context)

    def create_task(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        return self._loop.create_task(work, context=self.context.copy())

    def when_dead(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Calls this at its death, once, in the order of asking; answers how to take it back.

        For those outside who hold something in its name, as a network holds connections.
        """
        ticket = object()
        self._when_dead[ticket] = tell
        return lambda: _drop(self._when_dead, ticket)

    def kill(self, *, silently: bool = False) -> None:
        """Kill -9: nothing of it runs again, no `finally` either. Twice is once.

        `silently`: with its machine, so that its connections are not reset.
        """
        if not self.alive:
            return
        self.silent = silently
        self.alive = False
        self.parked.clear()
        self._loop.keep_tasks_of(self)
        when_dead, self._when_dead = self._when_dead, {}
        for tell in when_dead.values():
            tell()

    def freeze(self) -> None:
        """As SIGSTOP, or a machine that is moved: it does nothing, and time goes on."""
        self.frozen = True

    def thaw(self) -> None:
        if self.frozen:
            self.frozen = False
            self.thawed_at = self._loop.time()
            parked, self.parked = self.parked, []
            self._loop.run_late(parked)


PROCESS: contextvars.ContextVar[Process] = contextvars.ContextVar("process")


def _drop(known: dict[object, Callable[[], None]], ticket: object) -> None:
    known.pop(ticket, None)
