"""An event loop without a world: its time jumps to the next timer, and nothing in it is by chance.

Callbacks run in the order in which they were asked for; timers of one moment too. There are no
threads: `run_in_executor` calls at once, and tells of it in the next turn. Tasks and futures hash
by the order of their making: asyncio keeps them in sets, and an address differs in every run.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import heapq
import sys
import warnings
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable
from concurrent.futures import Executor
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple, Unpack, cast

from photon.simulation.process import PROCESS, Process

# A second's work of a large cloud is some ten thousand turns. So many without a step of time are a
# loop that never waits.
TURNS_A_MOMENT_MAX: Final = 2_000_000
# Cancelled timers are thrown out when they are so many and more than half: most timeouts are.
CANCELLED_MIN: Final = 1_000
# A task that is closed may wait in each `finally` that it is in, one within the other.
WAITS_MAX: Final = 100

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")


class NothingLeft(Exception):
    """Everybody waits for somebody else: no timer is set, and nothing is ready."""


class NeverWaits(Exception):
    """Something goes round and round in one moment of the simulated time."""


class SimulatedTask(asyncio.Task[_T]):
    """A task of one program."""

    __slots__ = ("_order", "process")
    process: Process

    def __init__(
        self,
        work: Coroutine[Any, Any, _T],
        process: Process,
        number: int,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        self._order = number
        self.process = process
        super().__init__(work, *args, **kwargs)

    def __hash__(self) -> int:
        return self._order


class SimulatedFuture(asyncio.Future[_T]):
    __slots__ = ("_order",)

    def __init__(self, number: int, *, loop: asyncio.AbstractEventLoop) -> None:
        self._order = number
        super().__init__(loop=loop)

    def __hash__(self) -> int:
        return self._order


if TYPE_CHECKING:
    _Handle = asyncio.TimerHandle
else:
    # Not derived from asyncio's: it would carry twice as much through every turn.
    _Handle = object


class Turn(_Handle):
    """A callback that waits for its turn, and whose it is."""

    __slots__ = ("args", "call", "context", "is_cancelled", "loop", "process", "time")

    def __init__(
        self,
        call: Callable[..., object],
        args: tuple[Any, ...],
        context: contextvars.Context,
        process: Process,
    ) -> None:
        self.call: Callable[..., object] | None = call
        self.args = args
        self.context = context
        self.process = process
        self.is_cancelled = False
        self.time = 0.0
        self.loop: SimulatedLoop | None = None  # of a timer

    def cancel(self) -> None:
        if not self.is_cancelled:
            self.is_cancelled = True
            self.call, self.args = None, ()
            if self.loop is not None:
                self.loop.timer_cancelled()

    def cancelled(self) -> bool:
        return self.is_cancelled

    def when(self) -> float:
        return self.time


class SimulatedLoop(asyncio.BaseEventLoop):
    """`outside` is who belongs to no program: what runs the simulation.

    `mishaps` are what asyncio reports when nobody else can be told: callbacks that raised, failures
    of tasks at which nobody looked.
    """

    def __init__(self, *, turns_a_moment_max: int = TURNS_A_MOMENT_MAX) -> None:
        super().__init__()
        self._turns_a_moment_max = turns_a_moment_max
        self.set_debug(enabled=False)
        self.outside = Process("outside", self)
        self.mishaps: list[str] = []
        self.turns = 0
        self._now = 0.0
        self._soon: deque[Turn] = deque()
        self._timers: list[tuple[float, int, Turn]] = []
        self._timer_numbers = count()
        self._numbers = count()  # of tasks and futures
        self._cancelled = 0
        self._dead: list[asyncio.Task[Any]] = []  # of programs that died
        self._running = self.outside
        self._turns_until = turns_a_moment_max  # in this moment
        self._stopping = False
        self.set_exception_handler(lambda _, context: self._note(context))

    # What asyncio asks

    def time(self) -> float:
        return self._now

    def call_soon(
        self,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        if context is None:
            turn = Turn(callback, args, contextvars.copy_context(), self._running)
        else:
            turn = Turn(callback, args, context, context.get(PROCESS, self.outside))
        self._soon.append(turn)
        return turn

    call_soon_threadsafe = call_soon

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[_Ts]], object],
        *args: *_Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        if context is None:
            turn = Turn(callback, args, contextvars.copy_context(), self._running)
        else:
            turn = Turn(callback, args, context, context.get(PROCESS, self.outside))
        turn.time, turn.loop = when, self
        heapq.heappush(self._timers, (when, next(self._timer_numbers), turn))
        return turn

    def create_future(self) -> asyncio.Future[Any]:
        return SimulatedFuture(next(self._numbers), loop=self)

    def create_task(
        self,
        coro: Generator[Any, None, _T] | Coroutine[Any, Any, _T],
        *,
        name: object = None,
        context: contextvars.Context | None = None,
    ) -> asyncio.Task[_T]:
        work = cast("Coroutine[Any, Any, _T]", coro)
        process = self._running if context is None else context.get(PROCESS, self.outside)
        number = next(self._numbers)
        return SimulatedTask(work, process, number, loop=self, name=name, context=context)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> asyncio.Future[_T]:
        future: asyncio.Future[_T] = self.create_future()
        try:
            result = func(*args)
        except Exception as problem:  # As in a thread: whoever waits decides about it.
            self.call_soon(_fail, future, problem)
        else:
            self.call_soon(_settle, future, result)
        return future

    # What programs ask

    def run_late(self, turns: Iterable[Turn]) -> None:
        """Runs these soon, in order."""
        self._soon.extend(turns)

    def keep_tasks_of(self, process: Process) -> None:
        """Keeps its tasks that have not ended until the end of all: nothing of them runs again.

        A coroutine that nobody refers to any more is closed, which would run its `finally`. asyncio
        need not know of them, nor look at them each time when somebody asks for all tasks.
        """
        for task in asyncio.all_tasks(self):
            if isinstance(task, SimulatedTask) and task.process is process:
                asyncio._unregister_task(task)
                self._dead.append(task)

    def timer_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled > CANCELLED_MIN and self._cancelled * 2 > len(self._timers):
            self._timers = [timer for timer in self._timers if not timer[2].is_cancelled]
            heapq.heapify(self._timers)
            self._cancelled = 0

    def bury(self) -> None:
        """Ends everything that is left, unheard. Nothing runs in this loop after it."""
        if self.is_closed():
            return
        self.set_exception_handler(lambda _, __: None)
        before, sys.unraisablehook = sys.unraisablehook, lambda _: None
        # What is closed now runs its `finally`. It asks for the loop, and may begin tasks in it.
        events._set_running_loop(self)
        try:
            ended: dict[asyncio.Task[Any], None] = {}
            while left := [
                task for task in (*self._dead, *asyncio.all_tasks(self)) if task not in ended
            ]:
                for task in left:
                    ended[task] = None
                    task._log_destroy_pending = False  # type: ignore[attr-defined]  # it is meant
                    _close(task)
            self._soon.clear()
            self._timers.clear()
            self._dead.clear()
            gc.collect()
        finally:
            events._set_running_loop(None)
            self._soon.clear()
            self.close()
            sys.unraisablehook = before

    # How it goes on

    def _run_once(self) -> None:
        """Turn after turn, moment after moment, until somebody stops it."""
        soon = self._soon
        try:
            while not self._stopping:
                if not soon:
                    self._jump()
                turn = soon.popleft()
                self.turns += 1
                call, process = turn.call, turn.process
                if call is None or not process.alive:
                    continue
                if process.frozen:
                    process.parked.append(turn)
                    continue
                self._running = process
                try:
                    turn.context.run(call, *turn.args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as problem:  # As asyncio does: told, and the loop goes on.
                    message = f"{process.name}: {call!r} raised"
                    self.call_exception_handler({"message": message, "exception": problem})
                if self.turns > self._turns_until:
                    raise NeverWaits(f"{self._turns_a_moment_max} turns at {self._now:.6f} s")
        finally:
            self._running = self.outside

    def _jump(self) -> None:
        """Goes to the next timer's moment, and takes all timers of it."""
        timers, soon = self._timers, self._soon
        while timers:
            when, _, turn = heapq.heappop(timers)
            turn.loop = None
            if turn.is_cancelled:
                self._cancelled -= 1
                continue
            if when > self._now:
                self._now = when
                self._turns_until = self.turns + self._turns_a_moment_max
            soon.append(turn)
            while timers and timers[0][0] <= self._now:
                turn = heapq.heappop(timers)[2]
                turn.loop = None
                if turn.is_cancelled:
                    self._cancelled -= 1
                else:
                    soon.append(turn)
            return
        raise NothingLeft("no timer is set, and nobody is ready")

    def _note(self, context: dict[str, Any]) -> None:
        problem = context.get("exception")
        self.mishaps.append(f"{self._now:.6f} {context['message']}: {problem!r}")


def _settle(future: asyncio.Future[_T], result: _T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], problem: Exception) -> None:
    if not future.done():
        future.set_exception(problem)


def _close(task: asyncio.Task[Any]) -> None:
    """Ends a task where it is; one that never began is no mistake of anybody's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for _ in range(WAITS_MAX):
            try:
                task.get_coro().close()
            except RuntimeError:  # What it does at its end waits for something: it ends there.
                continue
            return
