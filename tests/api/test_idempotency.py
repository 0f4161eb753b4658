"""Idempotency-Key: the same request twice is done once, and answered alike."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.api.builders import VM_FLAVOR
from tests.api.rig import Api

KEY = {"Idempotency-Key": "k-1"}
ACME = {"name": "acme"}


async def test_the_second_answer_is_the_first(api: Api) -> None:
    first = await api.ask("POST", "/v1/tenants", ACME, headers=KEY)
    second = await api.ask("POST", "/v1/tenants", ACME, headers=KEY)
    assert first.status_code == second.status_code == 201
    assert first.content == second.content
    assert first.headers["request-id"] != second.headers["request-id"]
    assert len(await api.items("/v1/tenants")) == 1


async def test_the_status_is_the_first_ones_too(api: Api) -> None:
    tenant = await api.made("/v1/tenants", ACME)
    path = f"/v1/tenants/{tenant}/set_security_groups"
    for _ in range(2):
        answer = await api.ask("POST", path, {"items": []}, headers=KEY)
        assert answer.status_code == 200
    tasks = await api.get(f"/v1/tenants/{tenant}/tasks")
    assert len(tasks["items"]) == 2


async def test_another_body_with_the_key_is_refused(api: Api) -> None:
    await api.ask("POST", "/v1/tenants", ACME, headers=KEY)
    await api.refused(
        "POST",
        "/v1/tenants",
        {"name": "other"},
        code="IdempotencyKeyReused",
        status=422,
        headers=KEY,
    )


async def test_a_key_belongs_to_its_path(api: Api) -> None:
    await api.ask("POST", "/v1/tenants", ACME, headers=KEY)
    assert (await api.ask("POST", "/v1/zones", ACME, headers=KEY)).status_code == 201
    assert len(await api.items("/v1/zones")) == 1


async def test_a_refused_request_does_not_use_the_key_up(api: Api) -> None:
    taken = await api.made("/v1/tenants", ACME)
    await api.refused("POST", "/v1/tenants", ACME, code="NameTaken", headers=KEY)
    await api.do("DELETE", f"/v1/tenants/{taken}")
    assert (await api.ask("POST", "/v1/tenants", ACME, headers=KEY)).status_code == 201


@pytest.mark.parametrize("count", [2, 20])
async def test_equal_requests_at_once_are_one(api_in_file: Api, count: int) -> None:
    api = api_in_file
    for path, body in (("/v1/tenants", ACME), ("/v1/zones", ACME), ("/v1/flavors", VM_FLAVOR)):
        answers = await asyncio.gather(
            *(api.ask("POST", path, body, headers=KEY) for _ in range(count))
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert len(await api.items(path)) == 1


async def test_different_requests_at_once_with_one_key(api_in_file: Api) -> None:
    api = api_in_file
    bodies = [{"name": f"t{n}"} for n in range(10)]
    answers = await asyncio.gather(
        *(api.ask("POST", "/v1/tenants", body, headers=KEY) for body in bodies)
    )
    assert sorted(answer.status_code for answer in answers) == [201] + [422] * 9
    assert len(await api.items("/v1/tenants")) == 1


async def test_a_key_outlives_the_controller(api_in_file: Api) -> None:
    api = api_in_file
    first = await api.ask("POST", "/v1/tenants", ACME, headers=KEY)
    await api.reopen()
    second = await api.ask("POST", "/v1/tenants", ACME, headers=KEY)
    assert first.content == second.content
    await api.refused(
        "POST", "/v1/tenants", {"name": "b"}, code="IdempotencyKeyReused", status=422, headers=KEY
    )


async def test_a_post_without_a_body_has_keys_too(api: Api) -> None:
    empty = {**KEY, "content-type": "application/json", "content-length": "0"}
    first = await api.ask("POST", "/v1/system/pause-background-tasks", headers=empty)
    second = await api.ask("POST", "/v1/system/pause-background-tasks", headers=empty)
    assert first.content == second.content


@pytest.mark.parametrize("key", ["", "x" * 256, "é".encode(), "a\tb"])
async def test_a_key_is_short_plain_text(api: Api, key: Any) -> None:
    headers = {"Idempotency-Key": key}
    await api.refused("POST", "/v1/tenants", ACME, code="InvalidEntity", headers=headers)
