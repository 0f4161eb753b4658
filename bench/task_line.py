"""One connection to the API over which tasks are begun and waited for."""

from __future__ import annotations

import msgspec

from bench.http_load import HttpLine

TASK_WAIT_SECONDS = 30
PROBLEM_BYTES_SHOWN = 400
_BEGUN = (200, 201, 202)


class Entity(msgspec.Struct):
    id: str


class _Error(msgspec.Struct):
    message: str


class _Step(msgspec.Struct):
    errors: list[_Error] | None = None


class Task(msgspec.Struct):
    id: str
    state: str
    entity: Entity
    steps: list[_Step] = []


_decode = msgspec.json.Decoder(Task).decode


class TaskFailed(Exception):
    """A task was not begun, or did not end well; says what the API said."""


class TaskLine:
    def __init__(self, host: str, port: int) -> None:
        self._line = HttpLine(host, port)

    async def open(self) -> None:
        await self._line.open()

    async def close(self) -> None:
        await self._line.close()

    async def done(self, method: str, path: str, body: bytes = b"") -> Task:
        """The task, COMPLETED.

        Raises:
            TaskFailed: it is not.
        """
        status, answer = await self._line.ask(method, path, body)
        if status not in _BEGUN:
            raise TaskFailed(_said(answer))
        task = _decode(answer)
        while task.state in ("QUEUED", "STARTED"):
            where = f"/v1/tasks/{task.id}?wait={TASK_WAIT_SECONDS}"
            status, answer = await self._line.ask("GET", where)
            if status != 200:
                raise TaskFailed(_said(answer))
            task = _decode(answer)
        if task.state != "COMPLETED":
            errors = [error.message for step in task.steps for error in step.errors or ()]
            raise TaskFailed("; ".join(errors) or f"a task ended {task.state} and says no reason")
        return task


def _said(answer: bytes) -> str:
    return answer[:PROBLEM_BYTES_SHOWN].decode(errors="replace")
