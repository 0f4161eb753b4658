"""The whole API in one process: the real edge and the real store, on a clock and ids of our own."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import httpx2

from photon.api.direct import DirectEdge
from photon.api.edge import make_app
from photon.api.plane import Instance, Plane, Release
from photon.api.route import Route
from photon.api.routes import ROUTES
from photon.api.waiting import TaskWaiting
from photon.controller.system_row import SystemRow
from photon.images.library import ImageLibrary
from photon.outside.ids import TimeOrderedIds
from photon.scheduler.leaf import Leaf
from photon.scheduler.root import Root
from photon.store.connections import MEMORY
from photon.store.durably import Inline, InThread
from photon.store.nouns import NOUNS
from photon.store.sqlite import SqliteOptions, SqliteStore
from photon.tasks.execute import BoundSaga
from photon.tasks.runner import TaskLimits, TaskRunner
from tests.api.wire import WireTransport

BASE: Final = "http://api.test"
START_MS: Final = 1_700_000_000_000
RELEASE: Final = Release("1.2.1", "1.2.1-abcdef0", "abcdef0")
OWNER: Final = "controller-1"

Json = dict[str, Any]


class FakeClock:
    """Goes on by a millisecond a look, so that times differ; waiting takes no time."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        self.ms += 1
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000

    async def sleep(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


class Api:
    """The plane, and a client that asks it in HTTP. `reopen` is a restart of the controller."""

    def __init__(
        self,
        folder: Path,
        *,
        in_file: bool = False,
        sagas: Mapping[str, BoundSaga] | None = None,
        routes: Sequence[Route] = ROUTES,
    ) -> None:
        self._folder = folder
        self._in_file = in_file
        self._sagas = sagas or {}
        self._routes = routes
        self._random = random.Random(7)
        self.clock = FakeClock()
        self.ids = TimeOrderedIds(self.clock, self._random.randbytes)
        self.instances = [Instance("PHOTON_CONTROLLER", "10.0.0.1", "READY", build="1.2.1")]

    async def open(self) -> None:
        path = str(self._folder / "store.db") if self._in_file else MEMORY
        durably = InThread() if self._in_file else Inline()
        self.store = SqliteStore(path, NOUNS, self.clock, SqliteOptions(durably=durably))
        self.system = SystemRow(self.store, self.clock)
        await self.system.load()
        self.runner = TaskRunner(self.store, self.clock, self._sagas, OWNER, TaskLimits())
        self.waiting = TaskWaiting(self.store)
        self.plane = Plane(
            store=self.store,
            runner=self.runner,
            clock=self.clock,
            ids=self.ids,
            images=ImageLibrary(self._folder / "images", self.ids),
            ends=self.waiting,
            release=RELEASE,
            system=self.system.get,
            scheduler=Root([Leaf(self.clock)], random.Random(7)),
            instances=self._instances,
        )
        self.app = make_app(self.plane, self._routes)
        self.client = httpx2.AsyncClient(
            transport=WireTransport(self.app, DirectEdge(self.plane, self._routes), self.ids),
            base_url=BASE,
        )

    async def close(self) -> None:
        await self.client.aclose()
        self.waiting.close()
        self.plane.watches.close()
        self.system.close()
        await self.runner.close(wait_seconds=1)
        await self.store.close()

    async def reopen(self) -> None:
        await self.close()
        await self.open()

    async def _instances(self) -> list[Instance]:
        return self.instances

    async def ask(self, method: str, path: str, body: Any = None, **more: Any) -> httpx2.Response:
        """Any answer; every one must carry what every one carries."""
        answer = await self.client.request(method, path, json=body, **more)
        assert answer.headers["x-api-version"] == "1.0"
        assert len(answer.headers["request-id"]) == 36
        assert answer.headers["content-type"] == "application/json"
        return answer

    async def get(self, path: str) -> Json:
        answer = await self.ask("GET", path)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    async def do(
        self, method: str, path: str, body: Any = None, *, status: int = 201, **more: Any
    ) -> Json:
        """The task of a change that must succeed at once."""
        answer = await self.ask(method, path, body, **more)
        assert answer.status_code == status, answer.text
        task = dict(answer.json())
        assert task["state"] == "COMPLETED", task
        return task

    async def made(self, path: str, body: Any) -> str:
        """The id of what a POST made."""
        return str((await self.do("POST", path, body))["entity"]["id"])

    async def refused(
        self, method: str, path: str, body: Any = None, *, code: str, status: int = 400, **more: Any
    ) -> Json:
        """The error of a request that must be refused and must change nothing."""
        before = await dump(self.store)
        answer = await self.ask(method, path, body, **more)
        assert answer.status_code == status, answer.text
        error = dict(answer.json())
        assert set(error) == {"code", "message", "data"}
        assert error["code"] == code, error
        assert all(isinstance(value, str) for value in (error["data"] or {}).values())
        assert await dump(self.store) == before, "a refused request changed something"
        return error

    async def items(self, path: str) -> list[Json]:
        """All items of a list, page by page."""
        found: list[Json] = []
        link: str | None = path
        while link is not None:
            page = await self.get(link)
            found += page["items"]
            link = page["nextPageLink"]
        return found


async def dump(store: SqliteStore) -> dict[str, Any]:
    """Everything that a reader of the store can see, quota included."""
    seen: dict[str, Any] = {}
    owners: list[str] = []
    for noun in NOUNS:
        rows = (await store.page(noun, {}, limit=500)).items
        seen[noun.name] = rows
        if noun.name in ("tenants", "projects"):
            owners += [row.id for row in rows]
    seen["quota"] = {owner: await store.quota(owner) for owner in owners}
    return seen
