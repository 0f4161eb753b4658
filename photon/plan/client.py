"""The API of a cloud, as a plan needs it: requests to controllers in turn, tasks to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Protocol, TypeVar

import msgspec

from photon.domain.task import ENDED, TaskState
from photon.plan.problems import PlanFailed
from photon.simulation.requests import Answer, Lost, Request
from photon.wire.v1.basics import ApiError
from photon.wire.v1.task import Task

# Controllers of a plan do not die, but may be busy: what they put off is asked again.
TRIES_MAX: Final = 60
PAUSE_SECONDS: Final = 1.0  # Between tries, and after an answer that says "not now".
WAIT_SECONDS: Final = 60.0  # Of one long poll; a longer one answers no sooner.
REQUEST_SECONDS: Final = 90.0  # Longer than a long poll.
TASK_SECONDS_MAX: Final = 3600.0  # No task of a calm cloud takes as long; then something is wrong.
_NOT_NOW: Final = frozenset({429, 503})
_REFUSED_FROM: Final = 400

T = TypeVar("T")


class Ask(Protocol):
    """One request to one controller; raises Lost."""

    async def __call__(
        self, controller: int, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer: ...


class Refused(Exception):
    """The API said no."""

    def __init__(self, status: int, error: ApiError) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error


@dataclass(frozen=True, slots=True)
class Ended:
    """How a task ended; `error` None: well."""

    entity_id: str
    answer: Any
    error: ApiError | None


class PlanClient:
    """Every POST has a key, so that asking again is safe."""

    def __init__(
        self,
        ask: Ask,
        controllers: int,
        name: str = "plan",
        *,
        wait_seconds: float = WAIT_SECONDS,
        usable: Callable[[int], bool] = lambda controller: True,
    ) -> None:
        """Keys of requests begin with the name; who is not `usable` is not asked."""
        self._usable = usable
        self._name = name
        self._wait_seconds = wait_seconds
        self._ask = ask
        self._controllers = controllers
        self._turn = count()
        self._keys = count(1)

    async def get(self, path: str, answer: type[T]) -> T:
        return msgspec.json.decode(await self._send(Request("GET", path)), type=answer)

    async def post(
        self, path: str, body: object, answer: type[T], *, controller: int | None = None
    ) -> T:
        """`controller` is the first that is asked; else whose turn it is. Raises Refused."""
        content = b"" if body is None else msgspec.json.encode(body)
        headers = {"idempotency-key": f"{self._name}-{next(self._keys)}"}
        asked = Request("POST", path, content, headers)
        return msgspec.json.decode(await self._send(asked, controller), type=answer)

    async def do(self, path: str, body: object = None) -> Ended:
        """A change, and its task's end. Raises Refused: nothing began."""
        return await self._ended(await self.post(path, body, Task))

    async def delete(self, path: str) -> Ended:
        """As `do`."""
        content = await self._send(Request("DELETE", path))
        return await self._ended(msgspec.json.decode(content, type=Task))

    async def make(self, path: str, body: object) -> str:
        """The id of what was made; that it cannot be made is the end of the plan."""
        try:
            ended = await self.do(path, body)
        except Refused as refused:
            raise PlanFailed(f"the cloud refused {path}: {refused}") from refused
        if ended.error is not None:
            raise PlanFailed(f"the cloud could not do {path}: {ended.error.message}")
        return ended.entity_id

    async def _ended(self, task: Task) -> Ended:
        clock = asyncio.get_running_loop()
        until = clock.time() + TASK_SECONDS_MAX
        while task.state not in ENDED:
            if clock.time() > until:
                raise PlanFailed(f"the task {task.operation} did not end within an hour")
            task = await self.get(f"/v1/tasks/{task.id}?wait={self._wait_seconds:g}", Task)
        error = None
        if task.state is not TaskState.COMPLETED:
            errors = [error for step in task.steps for error in step.errors]
            error = errors[0] if errors else ApiError("InternalError", "it gave no reason")
        return Ended(task.entity.id, task.resource_properties, error)

    async def _send(self, asked: Request, controller: int | None = None) -> bytes:
        problem = ""
        for _ in range(TRIES_MAX):
            whom = self._whose_turn() if controller is None else controller
            controller = None
            try:
                answer = await self._ask(whom, asked.method, asked.path, asked.body, asked.headers)
            except Lost as lost:
                problem = str(lost)
            else:
                if answer.status not in _NOT_NOW:
                    return _content(answer)
                problem = f"{answer.status}"
            await asyncio.sleep(PAUSE_SECONDS)
        raise PlanFailed(f"the cloud does not answer {asked.method} {asked.path}: {problem}")

    def _whose_turn(self) -> int:
        first = next(self._turn)
        turns = [(first + each) % self._controllers for each in range(self._controllers)]
        return next(filter(self._usable, turns), turns[0])


def _content(answer: Answer) -> bytes:
    if answer.status >= _REFUSED_FROM:
        raise Refused(answer.status, msgspec.json.decode(answer.body, type=ApiError))
    return answer.body
