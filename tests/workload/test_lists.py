"""Lists are judged by the order that they have."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from random import Random

import msgspec
import pytest

from photon.api.route import API_VERSION
from photon.workload.broken import Broken
from photon.workload.caller import Caller, Desk
from photon.workload.client import Client
from photon.workload.history import History
from photon.workload.ledger import Json, Ledger
from photon.workload.model import Model
from photon.workload.operations.system import list_orphans
from photon.workload.site import Site
from photon.workload.way import Answer
from tests.workload.rig import HastyClock


class OnePage:
    """A way to whoever answers everything with the same items."""

    def __init__(self, *items: Json) -> None:
        self._items = items

    async def request(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds: float = 1.0,
    ) -> Answer:
        page = {"items": self._items, "nextPageLink": None, "previousPageLink": None}
        said = {"x-api-version": API_VERSION, "request-id": "r", "content-type": "application/json"}
        return Answer(200, said, msgspec.json.encode(page))

    def watch(self, path: str, headers: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        raise AssertionError("nobody watches")


def an_orphan(host: str, thing: str) -> Json:
    times = {"seenTime": 1, "removalTime": 2}
    return {"id": thing, "hostId": host, "hostAddress": host, **times}


async def listed(*orphans: Json) -> None:
    clock = HastyClock()
    desk = Desk(clock, History(clock), Ledger())
    site = Site((), alone=True)
    await list_orphans(Client(Caller("c", [OnePage(*orphans)], Random(1), desk), Model(), site))


async def test_orphans_go_by_host_and_one_guest_may_be_on_two() -> None:
    await listed(an_orphan("h1", "vm-2"), an_orphan("h2", "vm-1"), an_orphan("h2", "vm-2"))


async def test_what_is_told_twice_is_told() -> None:
    with pytest.raises(Broken, match="LISTS_ARE_WHOLE"):
        await listed(an_orphan("h1", "vm-1"), an_orphan("h1", "vm-1"))
