"""What a call to the API can end in, other than an answer."""

from __future__ import annotations

from collections.abc import Sequence

from photon.wire.v1.basics import ApiError
from photon.wire.v1.task import Task


class SdkError(Exception):
    """Base of everything that the client raises for what is not the caller's bug."""


class ApiProblem(SdkError):
    """The API refused: its code, its sentence, the facts in it, and the HTTP status."""

    def __init__(self, status: int, error: ApiError) -> None:
        super().__init__(f"{error.code} ({status}): {error.message}")
        self.status = status
        self.code = error.code
        self.message = error.message
        self.data = error.data or {}


class TaskFailed(SdkError):
    """A task ended in ERROR. `step` is the operation of the first step that failed."""

    def __init__(self, task: Task) -> None:
        failed = [step for step in task.steps if step.errors]
        self.task = task
        self.step: str | None = failed[0].operation if failed else None
        self.errors: Sequence[ApiError] = [error for step in failed for error in step.errors]
        said = "; ".join(f"{error.code}: {error.message}" for error in self.errors)
        where = f" at step {self.step}" if self.step else ""
        super().__init__(f"{task.operation} (task {task.id}) failed{where}: {said or 'no reason'}")


class TaskUnfinished(SdkError):
    """The task was still running when the caller's patience ended. It goes on."""

    def __init__(self, task: Task, waited_seconds: float) -> None:
        super().__init__(
            f"{task.operation} (task {task.id}) is still {task.state} after {waited_seconds:g} s; "
            "it goes on, so wait for it again"
        )
        self.task = task
        self.waited_seconds = waited_seconds


class Unreachable(SdkError):
    """No answer came, as often as was tried."""

    def __init__(self, target: str, cause: str, tries: int) -> None:
        times = "once" if tries == 1 else f"{tries} times"
        super().__init__(f"{target} could not be reached ({cause}; tried {times})")
        self.target = target
        self.cause = cause
        self.tries = tries


class BadAnswer(SdkError):
    """Something answered that does not speak this API."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"the answer to {where} is not one of this API: {problem}")
