"""Both clients follow a list through cuts, and say when they cannot."""

from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest

from photon.sdk.client import AsyncClient, Client, Settings
from photon.sdk.errors import ApiProblem, BadAnswer, Unreachable
from photon.wire.v1.watch import EventKind
from tests.sdk.stub import Stub


def told(kind: str, revision: int, item: dict[str, Any] | None = None, *, at: str = "") -> bytes:
    """One event, as the API writes it."""
    id = "t-1" if item is None else item["id"]
    data = {"revision": revision, "id": None if kind == "started" else id, "item": item}
    return f"event: {kind}\nid: {at or revision}\ndata: {json.dumps(data)}\n\n".encode()


def tenant(stub: Stub, name: str) -> dict[str, Any]:
    return dict(stub.add("tenants", {"name": name}))


async def test_a_cut_stream_is_gone_on_with_from_the_last_position(
    client: AsyncClient, stub: Stub
) -> None:
    one, two = tenant(stub, "ä"), tenant(stub, "two")
    first = b"retry: 1000\n" + told("started", 5) + told("changed", 7, one, at="7.1")
    half = told("changed", 7, two)[:-1]  # cut before its end: it comes again
    stub.streams = [
        first + b": still here\n\n" + half,
        told("started", 6) + told("changed", 7, two),
        told("started", 7) + told("deleted", 9),
    ]
    events = []
    async for event in client.tenants.watch():
        events.append(event)
        if len(events) == 4:
            break
    kinds = [event.kind for event in events]
    assert kinds == ["started", "changed", "changed", "deleted"]
    assert [event.item.name for event in events if event.item] == ["ä", "two"]
    assert [asked.query.get("since") for asked in stub.asked] == [None, "7.1", "7"]


def test_the_blocking_client_does_the_same(blocking: Client, stub: Stub) -> None:
    stub.streams = [told("started", 5), told("started", 5) + told("deleted", 6)]
    events = [*islice(blocking.tenants.watch(name="x", since="4"), 2)]
    assert [event.kind for event in events] == ["started", "deleted"]
    assert [event.position for event in events] == ["5", "6"]
    assert [asked.query["since"] for asked in stub.asked] == ["4", "5"]
    assert stub.asked[0].query["name"] == "x"


def test_who_was_away_too_long_is_told_so(blocking: Client, stub: Stub) -> None:
    stub.refusing["GET tenants"] = (410, "RevisionGone", "list again")
    with pytest.raises(ApiProblem, match="RevisionGone"):
        next(blocking.tenants.watch(since="1"))
    stub.refusing.clear()
    stub.streams = [told("started", 5), told("gone", 9)]
    events = blocking.tenants.watch(since="1")
    assert next(events).kind is EventKind.STARTED
    with pytest.raises(ApiProblem, match="RevisionGone"):
        next(events)


def test_a_busy_controller_is_asked_again_so_often(target: str, stub: Stub) -> None:
    stub.faults = [(503, {"retry-after": "0"})] * 2
    with Client(target, Settings(retries_max=1)) as client, pytest.raises(ApiProblem):
        next(client.tenants.watch())
    assert len(stub.asked) == 2


def test_streams_that_end_at_once_are_not_opened_for_ever(target: str, stub: Stub) -> None:
    stub.streams = [b""] * 3
    with Client(target, Settings(retries_max=1)) as client, pytest.raises(Unreachable):
        next(client.tenants.watch())
    assert len(stub.asked) == 2


def test_what_is_no_stream_of_ours_is_said_to_be_none(blocking: Client, stub: Stub) -> None:
    stub.streams = [b"event: changed\ndata: <html>\n\n"]
    with pytest.raises(BadAnswer):
        next(blocking.tenants.watch())
