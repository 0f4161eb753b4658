"""Tasks: shown, listed, and awaited (contract, 2.2 and 4)."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from photon.api.waiting import TaskWaiting
from photon.domain.task import Task, TaskState
from photon.store.nouns import TASKS
from photon.store.protocol import Update
from tests.api.builders import a_tenant, an_open_task
from tests.api.rig import BASE, Api

TURNS_MAX = 10_000  # of the event loop, until requests that were just made are handled


async def end(api: Api, task: Task) -> None:
    ended = msgspec.structs.replace(task, state=TaskState.COMPLETED, ended_ms=api.clock.now_ms())
    await api.store.commit([Update(TASKS, ended)])


async def until_waiting(waiting: TaskWaiting, count: int) -> None:
    for _ in range(TURNS_MAX):
        if waiting.count == count:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"{waiting.count} wait, and not {count}")


async def test_every_member_of_a_task_is_there(api: Api) -> None:
    made = await api.do("POST", "/v1/zones", {"name": "z"})
    task = await api.get(f"/v1/tasks/{made['id']}")
    assert task == made
    now = task["queuedTime"]
    assert isinstance(now, int)
    assert task == {
        "id": made["id"],
        "selfLink": f"{BASE}/v1/tasks/{made['id']}",
        "kind": "task",
        "entity": {"kind": "availability-zone", "id": made["entity"]["id"]},
        "state": "COMPLETED",
        "steps": [
            {
                "sequence": 0,
                "state": "COMPLETED",
                "operation": "CREATE_AVAILABILITYZONE",
                "errors": [],
                "warnings": [],
                "queuedTime": now,
                "startedTime": task["startedTime"],
                "endTime": task["endTime"],
                "options": {},
            }
        ],
        "operation": "CREATE_AVAILABILITYZONE",
        "queuedTime": now,
        "startedTime": task["startedTime"],
        "endTime": task["endTime"],
        "resourceProperties": None,
    }


async def test_tasks_are_found_by_entity_and_state(api: Api) -> None:
    task = await an_open_task(api, "vm1")
    await an_open_task(api, "vm2")
    await a_tenant(api)
    for query, found in (
        ("entityId=vm1&entityKind=VM", 1),
        ("entityId=vm1&entityKind=vm&state=queued&", 1),
        ("entityId=vm1&entityKind=vm&state=STARTED", 0),
        ("state=completed", 1),
        ("", 3),
    ):
        assert len((await api.get(f"/v1/tasks?{query}"))["items"]) == found, query
    await end(api, task)
    assert len((await api.get("/v1/tasks?state=QUEUED"))["items"]) == 1


@pytest.mark.parametrize("query", ["entityId=x", "entityKind=vm", "entityId=&entityKind=vm"])
async def test_id_and_kind_of_the_entity_go_together(api: Api, query: str) -> None:
    await api.refused("GET", f"/v1/tasks?{query}", code="InvalidQueryParams")


async def test_a_task_that_is_not_there(api: Api) -> None:
    await api.refused("GET", "/v1/tasks/none?wait=60", code="NotFound", status=404)


@pytest.mark.parametrize("wait", ["-1", "61", "1e9", "nan", "inf", "x", "1,5", "true"])
async def test_a_wait_is_0_to_60_seconds(api: Api, wait: str) -> None:
    task = await an_open_task(api)
    await api.refused("GET", f"/v1/tasks/{task.id}?wait={wait}", code="InvalidQueryParams")


async def test_waiting_ends_when_the_task_does(api_in_file: Api) -> None:
    api = api_in_file
    task = await an_open_task(api)
    waits = [asyncio.create_task(api.get(f"/v1/tasks/{task.id}?wait=60")) for _ in range(5)]
    await until_waiting(api.waiting, 5)
    started = msgspec.structs.replace(task, state=TaskState.STARTED)
    await api.store.commit([Update(TASKS, started)])
    assert not any(wait.done() for wait in waits)
    await end(api, msgspec.structs.replace(started, generation=2))
    assert {(await wait)["state"] for wait in waits} == {"COMPLETED"}
    assert api.waiting.count == 0


async def test_an_ended_task_is_not_awaited(api: Api) -> None:
    task = await api.do("POST", "/v1/zones", {"name": "z"})
    assert (await api.get(f"/v1/tasks/{task['id']}?wait=60"))["state"] == "COMPLETED"


async def test_a_wait_that_is_over_shows_the_task_as_it_is(api: Api) -> None:
    task = await an_open_task(api)
    assert (await api.get(f"/v1/tasks/{task.id}?wait=0.001"))["state"] == "QUEUED"
    assert (await api.get(f"/v1/tasks/{task.id}?wait=0"))["state"] == "QUEUED"


async def test_more_than_may_wait_are_answered_at_once(api: Api) -> None:
    task = await an_open_task(api)
    waiting = TaskWaiting(api.store, waiters_max=1)
    first = asyncio.create_task(waiting.ended(task.id, seconds=60))
    await until_waiting(waiting, 1)
    second = await waiting.ended(task.id, seconds=60)
    assert second is not None
    assert second.state is TaskState.QUEUED
    waiting.close()
    stopped = await first
    assert stopped is not None
    assert stopped.state is TaskState.QUEUED
