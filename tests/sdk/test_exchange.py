"""The rules of one exchange, driven by hand: no connection, no waiting."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from photon.sdk.errors import ApiProblem, BadAnswer, TaskFailed, TaskUnfinished, Unreachable
from photon.sdk.exchange import (
    OUTAGE_SECONDS,
    RETRIES_MAX,
    RETRY_AFTER_MAX_SECONDS,
    Lost,
    Outcome,
    Received,
    Send,
    Sleep,
    Steps,
    Surroundings,
    Waiting,
    exchange,
    wait_for_task,
)
from photon.sdk.request import Request, decoder, get, post, put
from photon.wire.v1.system import Available
from photon.wire.v1.task import Task
from photon.wire.v1.tenancy import Quota

BUSY = Received(503, {"retry-after": "2"}, b"{}")
FINE = Received(200, {}, b"{}")


class CountedIds:
    def __init__(self) -> None:
        self.given = 0

    def new(self) -> str:
        self.given += 1
        return f"id-{self.given}"


class Watch:
    """A clock that moves when it is told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def around(watch: Watch | None = None) -> Surroundings:
    return Surroundings("http://there", CountedIds(), watch or Watch(), Random(0))


class Driven:
    """What an exchange did, given what came of each thing it sent."""

    def __init__(self, steps: Steps[Any], outcomes: list[Outcome]) -> None:
        self.sent: list[Send] = []
        self.slept: list[float] = []
        self.answer: Any = None
        waiting = list(outcomes)
        outcome: Outcome = None
        while True:
            try:
                effect = steps.send(outcome)
            except StopIteration as end:
                self.answer = end.value
                return
            if isinstance(effect, Sleep):
                self.slept.append(effect.seconds)
                outcome = None
            else:
                self.sent.append(effect)
                outcome = waiting.pop(0)


def available() -> Request[Available]:
    return get("/v1/available", Available)


def test_a_get_is_repeated_while_the_server_is_busy_and_waits_as_long_as_it_says() -> None:
    driven = Driven(exchange(available(), around()), [BUSY, Lost("reset"), FINE])
    assert driven.answer == Available()
    assert driven.slept[0] == 2.0
    assert 0.2 <= driven.slept[1] <= 0.4


def test_no_server_makes_a_client_wait_for_ever() -> None:
    slow = Received(503, {"retry-after": "86400"}, b"")
    assert Driven(exchange(available(), around()), [slow, FINE]).slept == [RETRY_AFTER_MAX_SECONDS]


def test_a_repeated_post_carries_the_same_key_so_that_it_is_done_once() -> None:
    task = Received(201, {}, a_task("COMPLETED"))
    driven = Driven(exchange(post("/v1/tenants"), around()), [Lost("reset"), task])
    assert [send.headers["Idempotency-Key"] for send in driven.sent] == ["id-1", "id-1"]


def test_a_change_without_a_key_is_not_repeated() -> None:
    with pytest.raises(Unreachable, match="tried once"):
        Driven(exchange(put("/v1/tenants/t/quota", Quota({})), around()), [Lost("reset")])


def test_what_goes_to_a_sink_is_not_repeated() -> None:
    request = Request("GET", "/v1/images/i/content", lambda body: None, sink=lambda piece: None)
    with pytest.raises(Unreachable):
        Driven(exchange(request, around()), [Lost("reset")])


def test_retries_end() -> None:
    lost: list[Outcome] = [Lost("connection refused")] * (RETRIES_MAX + 1)
    with pytest.raises(Unreachable, match="connection refused; tried 6 times"):
        Driven(exchange(available(), around()), lost)


def test_a_server_that_stays_busy_is_reported_as_what_it_said() -> None:
    busy = Received(503, {}, b'{"code": "OutOfThreadPoolWorker", "message": "busy"}')
    with pytest.raises(ApiProblem, match="OutOfThreadPoolWorker") as caught:
        Driven(exchange(available(), around()), [busy] * (RETRIES_MAX + 1))
    assert caught.value.status == 503


def test_a_refusal_keeps_code_message_and_facts() -> None:
    body = b'{"code": "NameTaken", "message": "taken", "data": {"name": "x"}}'
    with pytest.raises(ApiProblem) as caught:
        Driven(exchange(available(), around()), [Received(400, {}, body)])
    assert (caught.value.code, caught.value.data) == ("NameTaken", {"name": "x"})


def test_a_proxys_own_page_is_a_problem_with_the_status_as_its_code() -> None:
    with pytest.raises(ApiProblem, match="Http418"):
        Driven(exchange(available(), around()), [Received(418, {}, b"<html>")])


@pytest.mark.parametrize("received", [Received(200, {}, b"<html>"), Received(302, {}, b"")])
def test_what_does_not_speak_the_api_is_said_to(received: Received) -> None:
    with pytest.raises(BadAnswer):
        Driven(exchange(available(), around()), [received])


def a_task(state: str, errors: str = "[]") -> bytes:
    return (
        '{"id": "t1", "selfLink": "", "kind": "task", "entity": {"kind": "vm", "id": "v1"},'
        f'"state": "{state}", "operation": "CREATE_VM", "queuedTime": 1, "startedTime": null,'
        '"endTime": null, "steps": [{"sequence": 0, "operation": "RESERVE_RESOURCE", "warnings":'
        f'[], "state": "{state}", "errors": {errors}, "queuedTime": 1, "startedTime": null,'
        '"endTime": null, "options": {}}]}'
    ).encode()


def task_answer(state: str, errors: str = "[]") -> Received:
    return Received(200, {}, a_task(state, errors))


def test_waiting_asks_the_server_to_hold_the_answer() -> None:
    driven = Driven(wait_for_task(Waiting("t1", 60.0), around()), [task_answer("COMPLETED")])
    assert driven.sent[0].request.query == {"wait": "20"}
    assert driven.sent[0].request.answer_seconds > 20
    assert driven.answer.id == "t1"


def test_waiting_backs_off_when_the_server_holds_nothing() -> None:
    polls: list[Outcome] = [task_answer("STARTED")] * 6
    driven = Driven(
        wait_for_task(Waiting("t1", 60.0), around()), [*polls, task_answer("COMPLETED")]
    )
    assert driven.slept == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_waiting_does_not_sleep_after_a_poll_that_was_held() -> None:
    watch = Watch()

    def hold(task: Task) -> None:
        watch.now += 20.0

    waiting = Waiting("t1", 60.0, watch=hold)
    driven = Driven(
        wait_for_task(waiting, around(watch)), [task_answer("STARTED"), task_answer("COMPLETED")]
    )
    assert driven.slept == []


def test_waiting_outlasts_a_controller_that_is_being_replaced() -> None:
    outage: list[Outcome] = [Lost("connection refused")] * (RETRIES_MAX + 1)
    busy: list[Outcome] = [Received(503, {}, b"")] * (RETRIES_MAX + 1)
    outcomes = [*outage, *busy, task_answer("COMPLETED")]
    assert Driven(wait_for_task(Waiting("t1", 60.0), around()), outcomes).answer.id == "t1"


@pytest.mark.parametrize("patience_seconds", [10.0, 600.0])
def test_waiting_gives_up_on_an_outage_that_lasts(patience_seconds: float) -> None:
    watch = Watch()
    with pytest.raises(Unreachable):
        drive_into_silence(wait_for_task(Waiting("t1", patience_seconds), around(watch)), watch)
    given_up = min(patience_seconds, OUTAGE_SECONDS)
    assert given_up <= watch.now < given_up + 10


def drive_into_silence(steps: Steps[Any], watch: Watch) -> None:
    """Nothing is ever answered, and time passes only by sleeping."""
    outcome: Outcome = None
    while True:
        effect = steps.send(outcome)
        if isinstance(effect, Sleep):
            watch.now += effect.seconds
        outcome = Lost("connection refused") if isinstance(effect, Send) else None


def test_waiting_for_what_is_not_there_ends_at_once() -> None:
    gone = Received(404, {}, b'{"code": "NotFound", "message": "no such task"}')
    with pytest.raises(ApiProblem, match="no such task"):
        Driven(wait_for_task(Waiting("t1", 60.0), around()), [gone])


def test_waiting_ends_when_patience_does() -> None:
    watch = Watch()

    def hold(task: Task) -> None:
        watch.now += 7.0

    with pytest.raises(TaskUnfinished, match="still STARTED after 10 s"):
        Driven(
            wait_for_task(Waiting("t1", 10.0, watch=hold), around(watch)),
            [task_answer("STARTED")] * 3,
        )


def test_a_failed_task_says_its_step_and_reasons() -> None:
    errors = '[{"code": "NotEnoughCpuResource", "message": "no host has 64 CPUs free"}]'
    with pytest.raises(TaskFailed, match="at step RESERVE_RESOURCE: NotEnoughCpuResource") as said:
        Driven(wait_for_task(Waiting("t1", 10.0), around()), [task_answer("ERROR", errors)])
    assert [error.code for error in said.value.errors] == ["NotEnoughCpuResource"]


def test_a_decoder_is_made_once_for_each_type() -> None:
    assert decoder(Task).__self__ is decoder(Task).__self__  # type: ignore[attr-defined]  # it is a bound method
