"""A line between a process and a service of the simulation: slow, cut, or lost in the middle.

What is served runs in the world's own context, so that the death of who asked ends nothing that
the service has begun, as between machines.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

CONNECT_SECONDS: Final = 5.0  # As a client waits for a server that says nothing.


@dataclass(slots=True)
class LineConditions:
    """What happens on lines: seconds each way, and chances between 0 and 1 of each question."""

    seconds_min: float = 0.0
    seconds_max: float = 0.0
    lost_questions: float = 0.0  # the line breaks before the service had it
    lost_answers: float = 0.0  # the line breaks when it was done


class Service:
    """The far end of lines: it may be away, it may hang, and some may not reach it."""

    def __init__(self, name: str, chance: Random) -> None:
        self.name = name
        self.conditions = LineConditions()
        self.chance = chance
        self.away = False
        self._well_since = 0.0
        self._lines: dict[int, Line] = {}
        self._made = 0
        self._cut: set[str] = set()
        self._left_done = 0.0  # of what had arrived when its lines broke, so much is done
        self._moving = asyncio.Event()  # not while it hangs
        self._moving.set()
        self._serving: dict[int, asyncio.Task[None]] = {}
        self._begun = 0

    # What a schedule of faults does to it

    def go_away(self) -> None:
        """Every line breaks, and no new one is had: it is down, or fails over."""
        self.away = True
        for line in tuple(self._lines.values()):
            line.drop()

    def fail_over(self, *, done: float) -> None:
        """As `go_away`; of what it had been asked and not answered, a share is done all the same:
        what another server had already, which takes its place."""
        self._left_done = done
        self.go_away()
        self._moving.set()

    def come_back(self) -> None:
        self.away = False
        self._left_done = 0.0
        self._well_since = asyncio.get_running_loop().time()

    def hang(self) -> None:
        """Nothing is served, and nobody is told so."""
        self._moving.clear()

    def go_on(self) -> None:
        self._moving.set()
        self._well_since = asyncio.get_running_loop().time()

    def well_since(self) -> float:
        """Since when it serves, by the loop's clock: now, if it does not."""
        if self.away or not self._moving.is_set():
            return asyncio.get_running_loop().time()
        return self._well_since

    def cut(self, name: str) -> None:
        """What `name` sends, or is sent, vanishes without a word."""
        self._cut.add(name)

    def mend(self, name: str) -> None:
        self._cut.discard(name)

    def is_cut(self, name: str) -> bool:
        return name in self._cut

    def forget(self, name: str) -> None:
        """The process of this name is dead: its lines break."""
        for line in tuple(self._lines.values()):
            if line.name == name:
                line.abandon()

    # What lines ask of it

    def seconds(self) -> float:
        conditions = self.conditions
        if not conditions.seconds_max:
            return 0.0
        return self.chance.uniform(conditions.seconds_min, conditions.seconds_max)

    async def moving(self) -> None:
        await self._moving.wait()

    def does_what_is_left(self) -> bool:
        """Of a question whose line broke before it was answered."""
        return bool(self._left_done) and self.chance.random() < self._left_done

    async def line(self, name: str) -> Line:
        """A new line. Raises OSError: the service is away, or says nothing."""
        if name in self._cut or not self._moving.is_set():
            await asyncio.sleep(CONNECT_SECONDS)
            raise TimeoutError(f"{self.name} did not answer in {CONNECT_SECONDS:g} s")
        await asyncio.sleep(self.seconds())
        if self.away:
            raise ConnectionRefusedError(f"{self.name} refuses connections")
        line = Line(self, name, self._made)
        self._lines[self._made] = line
        self._made += 1
        return line

    def leave(self, number: int) -> None:
        self._lines.pop(number, None)

    def begin(self, serving: Coroutine[Any, Any, None]) -> None:
        """Runs it in the world's context, whoever asked."""
        number = self._begun
        self._begun += 1
        work = self._to_its_end(number, serving)
        self._serving[number] = asyncio.get_running_loop().create_task(work, context=Context())

    async def _to_its_end(self, number: int, serving: Coroutine[Any, Any, None]) -> None:
        try:
            await serving
        finally:  # Not as a callback of the task, which would be one more turn.
            del self._serving[number]


class Line:
    """One connection of the process `name`. One question at a time, or several."""

    def __init__(self, service: Service, name: str, number: int) -> None:
        self._service = service
        self.name = name
        self._number = number
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._asked = 0
        self.broken = False

    async def ask(self, serve: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """What `serve` answers at the far end, or raises there.

        Raises:
            ConnectionResetError: the line broke; it may have been served or not.
        """
        if self.broken:
            raise ConnectionResetError(f"the line to {self._service.name} is broken")
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[T] = loop.create_future()
        number = self._asked
        self._asked += 1
        self._waiting[number] = answered
        service, chance = self._service, self._service.chance
        fate, conditions = chance.random(), service.conditions
        lost = conditions.lost_questions, conditions.lost_questions + conditions.lost_answers
        there = service.seconds()
        if not service.is_cut(self.name):
            if fate < lost[0]:
                later(there, self.drop)
            else:
                serving = partial(serve, *args, **kwargs)
                later(there, self._arrive, number, serving, fate < lost[1])
        try:
            return await answered
        finally:
            self._waiting.pop(number, None)

    def _arrive(self, number: int, serve: Callable[[], Awaitable[T]], lost: bool) -> None:
        if not self.broken:
            self._service.begin(self._serve(number, serve, lost))

    async def _serve(self, number: int, serve: Callable[[], Awaitable[T]], lost: bool) -> None:
        await self._service.moving()
        if self.broken and not self._service.does_what_is_left():
            return
        answer: T | None = None
        error: Exception | None = None
        try:
            answer = await serve()
        except Exception as raised:  # The far end's refusal: it is carried to who asked.
            error = raised
        if self._service.is_cut(self.name):
            return
        if lost:
            later(self._service.seconds(), self.drop)
        else:
            later(self._service.seconds(), self._settle, number, answer, error)

    def _settle(self, number: int, answer: object, error: Exception | None) -> None:
        answered = self._waiting.get(number)
        if answered is None or answered.done():
            return
        if error is None:
            answered.set_result(answer)
        else:
            answered.set_exception(error)

    def abandon(self) -> None:
        """It breaks, and nobody is there to hear of it."""
        self._waiting.clear()
        self.drop()

    def drop(self) -> None:
        """It breaks, at both ends."""
        self.broken = True
        self._service.leave(self._number)
        for answered in self._waiting.values():
            if not answered.done():
                answered.set_exception(
                    ConnectionResetError(f"the line to {self._service.name} broke")
                )


def later(seconds: float, act: Callable[..., None], *arguments: Any) -> None:
    """On its way: it arrives whatever becomes of who sent it."""
    asyncio.get_running_loop().call_later(seconds, act, *arguments, context=Context())
