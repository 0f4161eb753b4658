"""How a request is carried out: retries, errors, pages, waiting for a task. No I/O of its own.

Each function here is a generator. It yields what should be done next (send this, sleep so long) and
is sent what came of it. The asynchronous and the blocking client each drive the same generators.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

import msgspec

from photon.domain.task import ENDED, TaskState
from photon.outside.ids import Ids
from photon.sdk.errors import ApiProblem, BadAnswer, TaskFailed, TaskUnfinished, Unreachable
from photon.sdk.file_body import FileBody
from photon.sdk.request import ANSWER_SECONDS, Request, decoder, path
from photon.wire.v1.basics import ApiError
from photon.wire.v1.task import Task

Answer = TypeVar("Answer")

# A restarting controller is back within seconds: 0.2 + 0.4 + ... = 6.2 s before giving up.
RETRIES_MAX = 5
RETRY_FIRST_SECONDS = 0.2
RETRY_AFTER_MAX_SECONDS = 30.0  # no server makes us wait longer than a person would
LONG_POLL_SECONDS = 20.0  # below the 30 s after which many proxies cut an idle request
# A server without long polls answers at once: ask it ten times a second at first, then each second.
POLL_FIRST_SECONDS = 0.1
POLL_MAX_SECONDS = 1.0
# A task outlives its controller: another adopts it within seconds, and a host reboots in a minute.
OUTAGE_SECONDS = 60.0
# What a proxy or a busy controller says when nothing was done.
PASSING_STATUSES = frozenset({429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Send:
    """Send it once. `boundary` separates the parts of a form, when the body is a file."""

    request: Request[Any]
    headers: Mapping[str, str]
    boundary: str


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float


@dataclass(frozen=True, slots=True)
class Received:
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """No answer came: the connection failed or went silent."""

    cause: str


Effect = Send | Sleep
Outcome = Received | Lost | None
Steps = Generator[Effect, Outcome, Answer]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every exchange takes from outside. `monotonic` is in seconds."""

    target: str
    ids: Ids
    monotonic: Callable[[], float]
    chance: Random = field(default_factory=Random)
    retries_max: int = RETRIES_MAX


def exchange(request: Request[Answer], around: Surroundings) -> Steps[Answer]:
    """The decoded answer.

    A GET is repeated when it is lost or the server is busy, and so is a POST, whose Idempotency-Key
    makes the server do it once. A file goes one way once: a second half would follow the first.

    Raises:
        ApiProblem: the API refused.
        Unreachable: no answer came.
        BadAnswer: what answered is not this API.
    """
    key = around.ids.new()
    headers = {"Idempotency-Key": key} if request.method == "POST" else {}
    retries_max = around.retries_max if _may_repeat(request) else 0
    retry = 0
    while True:
        outcome = yield Send(request, headers, boundary=key)
        assert outcome is not None, "a Send is answered by what came of it"
        if isinstance(outcome, Received) and outcome.status not in PASSING_STATUSES:
            break
        if retry == retries_max:
            break
        yield Sleep(pause_seconds(outcome, retry, around.chance))
        retry += 1
    if isinstance(outcome, Lost):
        raise Unreachable(around.target, outcome.cause, tries=retry + 1)
    return read(request, outcome)


def _may_repeat(request: Request[Answer]) -> bool:
    moves_file = request.sink is not None or isinstance(request.body, FileBody)
    return request.method in ("GET", "POST") and not moves_file


def pause_seconds(outcome: Received | Lost, retry: int, chance: Random) -> float:
    """What the server asked for, or twice as long each time, less a random part of it."""
    asked = outcome.headers.get("retry-after", "") if isinstance(outcome, Received) else ""
    if asked.isdecimal():
        return min(float(asked), RETRY_AFTER_MAX_SECONDS)
    doubled_seconds: float = RETRY_FIRST_SECONDS * 2**retry
    return doubled_seconds * chance.uniform(0.5, 1.0)


def read(request: Request[Answer], received: Received) -> Answer:
    """The decoded answer, or the error that it is."""
    where = f"{request.method} {request.path}"
    if received.status >= 400:
        raise ApiProblem(received.status, _refusal(where, received))
    if received.status >= 300:
        raise BadAnswer(where, f"status {received.status}, and the API never redirects")
    try:
        return request.decode(received.body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadAnswer(where, str(error)) from error


def _refusal(where: str, received: Received) -> ApiError:
    """The error in the body, or what the status alone says: a proxy answers with its own pages."""
    try:
        error: ApiError = decoder(ApiError)(received.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ApiError(f"Http{received.status}", f"{where} was answered {received.status}")
    return error


@dataclass(frozen=True, slots=True)
class Waiting:
    """Patience for one task: `watch` sees it after each poll, which then last `poll_seconds`."""

    task_id: str
    timeout_seconds: float
    poll_seconds: float = LONG_POLL_SECONDS
    watch: Callable[[Task], None] | None = None


def wait_for_task(waiting: Waiting, around: Surroundings) -> Steps[Task]:
    """The task once it is COMPLETED, by long polls; by short ones if the server knows no long ones.

    Raises:
        TaskFailed: it ended in ERROR.
        TaskUnfinished: it did not end in time. It goes on.
        Unreachable: no controller answered for OUTAGE_SECONDS.
    """
    started = heard = around.monotonic()
    pause_seconds = POLL_FIRST_SECONDS
    while True:
        asked = around.monotonic()
        left_seconds = max(0.0, started + waiting.timeout_seconds - asked)
        wait_seconds = min(left_seconds, waiting.poll_seconds)
        try:
            task = yield from exchange(_poll(waiting.task_id, wait_seconds), around)
        except (Unreachable, ApiProblem) as error:
            now = around.monotonic()
            if now - started >= waiting.timeout_seconds or _is_over(error, now - heard):
                raise
            yield Sleep(POLL_MAX_SECONDS)
            continue
        heard = around.monotonic()
        if waiting.watch is not None:
            waiting.watch(task)
        if task.state is TaskState.ERROR:
            raise TaskFailed(task)
        if task.state in ENDED:
            return task
        now = around.monotonic()
        if now - started >= waiting.timeout_seconds:
            raise TaskUnfinished(task, waiting.timeout_seconds)
        if now - asked < wait_seconds / 2:
            yield Sleep(min(pause_seconds, started + waiting.timeout_seconds - now))
            pause_seconds = min(POLL_MAX_SECONDS, pause_seconds * 2)


def _is_over(error: Unreachable | ApiProblem, outage_seconds: float) -> bool:
    """Whether there is nothing to wait for: a refusal, or an outage that has lasted too long."""
    passing = isinstance(error, Unreachable) or error.status in PASSING_STATUSES
    return not passing or outage_seconds >= OUTAGE_SECONDS


def _poll(task_id: str, wait_seconds: float) -> Request[Task]:
    return Request(
        "GET",
        path("tasks", task_id),
        decoder(Task),
        {"wait": f"{wait_seconds:g}"},
        answer_seconds=wait_seconds + ANSWER_SECONDS,
    )
