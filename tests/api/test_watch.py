"""Watch streams on a real socket: no gap, no duplicate, resumable, and nothing without bound."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from photon.api import watching
from photon.api.edge_errors import RevisionGone
from photon.domain.kinds import EntityKind
from photon.domain.missing_host import MissingHost
from photon.domain.task import Task, TaskState
from photon.domain.zone import Zone
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.endings import tombstone
from photon.store.nouns import MISSING_HOSTS, NOUNS, TASKS, ZONES
from photon.store.protocol import Delete, Insert, Update, Write
from photon.store.sqlite import SqliteOptions, SqliteStore
from tests.api.builders import a_host, a_project, a_tenant
from tests.api.rig import Api
from tests.api.test_http import Served

replace = msgspec.structs.replace


@dataclass(frozen=True)
class Event:
    kind: str
    id: str
    revision: int
    entity: str | None
    item: Any


class Stream:
    """A watch, read event by event."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self.comments: list[str] = []

    async def open(self, path: str, more: str = "") -> None:
        self._writer.write(f"GET {path} HTTP/1.1\r\nhost: api.test\r\n{more}\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.strip().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = dict(line.lower().split(": ", 1) for line in lines)
        self._text = ""

    async def _lines(self) -> list[str]:
        """One event, or one comment, of the chunks that come."""
        while "\n\n" not in self._text:
            size = int(await self._reader.readline(), 16)
            self._text += (await self._reader.readexactly(size)).decode()
            await self._reader.readexactly(2)
            if not size:
                raise EOFError
        one, _, self._text = self._text.partition("\n\n")
        return one.split("\n")

    async def hear(self) -> Event:
        while True:
            said = dict[str, str]()
            for line in await self._lines():
                name, _, value = line.partition(": ")
                said[name] = value
            if "" in said:
                self.comments.append(said[""])
            if "event" in said:
                data = json.loads(said["data"])
                id, item = data["id"], data["item"]
                return Event(said["event"], said.get("id", ""), data["revision"], id, item)

    async def hear_many(self, count: int) -> list[Event]:
        return [await self.hear() for _ in range(count)]

    def close(self) -> None:
        self._writer.transport.abort()

    async def closed(self) -> None:
        self.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()


class Watched(Served):
    """Keeps its readers, to close them."""

    def __init__(self, api: Api) -> None:
        super().__init__(api)
        self.streams: list[Stream] = []

    async def stream(self, *, buffered: int = 1 << 16) -> Stream:
        stream = Stream(*await asyncio.open_connection("127.0.0.1", self.port, limit=buffered))
        self.streams.append(stream)
        return stream

    async def close(self) -> None:
        for stream in self.streams:
            await stream.closed()
        await self.server.shutdown()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Watched]:
    api = Api(tmp_path)
    await api.open()
    served = Watched(api)
    await served.start()
    yield served
    api.plane.watches.close()
    await served.close()
    await api.close()


async def watch(served: Watched, path: str, more: str = "") -> Stream:
    stream = await served.stream()
    await stream.open(path, more)
    if stream.status == 200:
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert (await stream.hear()).kind == "started"
    return stream


async def until(served: Watched, count: int) -> None:
    while served.api.plane.watches.count != count:  # noqa: ASYNC110 - the count is a plain number
        await asyncio.sleep(0)


def a_zone(api: Api, name: str = "z") -> Zone:
    return Zone(api.ids.new(), name)


def a_task(api: Api, project: str = "p") -> Task:
    return Task(api.ids.new(), "CREATE_VM", "vm", api.ids.new(), 1, project_id=project)


async def test_a_change_is_told_as_a_get_shows_it(served: Watched) -> None:
    api = served.api
    stream = await watch(served, "/v1/tenants?watch=true")
    tenant = await a_tenant(api)
    event = await stream.hear()
    assert (event.kind, event.entity) == ("changed", tenant)
    assert event.item == await api.get(f"/v1/tenants/{tenant}")
    await api.do("DELETE", f"/v1/tenants/{tenant}")
    event = await stream.hear()
    assert (event.kind, event.entity, event.item) == ("deleted", tenant, None)
    stream.close()
    await until(served, 0)


async def test_a_list_says_from_where_to_watch(served: Watched) -> None:
    api = served.api
    await a_tenant(api, "t1")
    listed = await api.ask("GET", "/v1/tenants")
    revision = int(listed.headers["photon-revision"])
    second = await a_tenant(api, "t2")
    stream = await watch(served, f"/v1/tenants?watch=true&since={revision}")
    assert (await stream.hear()).entity == second
    stream.close()


class Zones:
    """Zones that are made, changed and deleted at random, several in one write-set."""

    def __init__(self, api: Api, chance: random.Random) -> None:
        self._api, self._chance = api, chance
        self.live: dict[str, Zone] = {}
        self.last = a_zone(api)

    async def write(self) -> None:
        for _ in range(120):
            changed = self._chance.sample([*self.live], min(len(self.live), 2))
            writes = [write for id in changed for write in self._change(id)]
            for zone in [a_zone(self._api) for _ in range(self._chance.randint(1, 2))]:
                writes.append(Insert(ZONES, zone))
                self.live[zone.id] = replace(zone, generation=1)
            await self._api.store.commit(writes)
            await asyncio.sleep(self._chance.choice((0, 0, 0.001)))
        await self._api.store.commit([Insert(ZONES, self.last)])
        self.live[self.last.id] = self.last

    def _change(self, id: str) -> list[Write]:
        if self._chance.random() < 0.4:
            del self.live[id]
            return [Delete(ZONES, id), tombstone(EntityKind.ZONE, id, 1)]
        zone = replace(self.live[id], name=f"z{self._chance.random()}")
        self.live[id] = replace(zone, generation=zone.generation + 1)
        return [Update(ZONES, zone)]


@pytest.mark.parametrize("seed", range(6))
async def test_no_change_is_missed_or_told_twice_however_often_it_is_cut(
    served: Watched, seed: int
) -> None:
    """A watcher is cut off again and again, and goes on from the last id that it heard, now at
    this controller, now at another one."""
    api, chance = served.api, random.Random(seed)
    other = Watched(api)
    other.server.config.app = watching_elsewhere(api)
    await other.start()
    zones = Zones(api, random.Random(seed + 100))
    last = str(await api.store.revision())
    writing = asyncio.ensure_future(zones.write())
    known: dict[str, str] = {}
    heard: list[Event] = []
    while zones.last.id not in known:
        at = chance.choice((served, other))
        stream = await watch(at, "/v1/zones?watch=true&since=0", f"last-event-id: {last}\r\n")
        for _ in range(chance.randint(1, 15)):
            event = await stream.hear()
            heard.append(event)
            last = event.id
            entity = str(event.entity)
            if event.kind == "deleted":
                known.pop(entity, None)
            else:
                known[entity] = event.item["name"]
            if entity == zones.last.id:
                break
        stream.close()
    await writing
    assert known == {id: zone.name for id, zone in zones.live.items()}
    told = [(event.revision, event.entity) for event in heard]
    assert len(set(told)) == len(told), "a change was told twice"
    revisions = [event.revision for event in heard]
    assert revisions == sorted(revisions)
    assert any("." in event.id for event in heard), "no write-set was cut in its middle"
    await other.close()


def watching_elsewhere(api: Api) -> Any:
    """Another controller's application, on the same store."""
    from photon.api.edge import make_app
    from photon.api.plane import Plane
    from photon.api.routes import ROUTES

    mine = api.plane
    other = Plane(
        store=mine.store,
        runner=mine.runner,
        clock=mine.clock,
        ids=mine.ids,
        images=mine.images,
        ends=mine.ends,
        release=mine.release,
        system=mine.system,
        scheduler=mine.scheduler,
        instances=mine.instances,
    )
    return make_app(other, ROUTES)


async def test_what_leaves_the_filter_is_told_as_left(served: Watched) -> None:
    api = served.api
    task, elsewhere = a_task(api), a_task(api, "q")
    stream = await watch(served, "/v1/tasks?state=queued&watch=true")
    await api.store.commit([Insert(TASKS, task)])
    assert (await stream.hear()).entity == task.id
    started = replace(task, state=TaskState.STARTED, generation=1)
    await api.store.commit([Update(TASKS, started)])
    event = await stream.hear()
    assert (event.kind, event.entity) == ("left", task.id)
    stream.close()
    project = await a_project(api, await a_tenant(api))
    stream = await watch(served, f"/v1/projects/{project}/tasks?watch=true")
    mine = a_task(api, project)
    await api.store.commit([Insert(TASKS, elsewhere)])
    await api.store.commit([Insert(TASKS, mine)])
    assert (await stream.hear()).entity == mine.id, "another project's task was told"
    stream.close()


async def test_the_end_of_another_tenants_project_is_not_told(served: Watched) -> None:
    api = served.api
    mine, other = await a_tenant(api, "mine"), await a_tenant(api, "other")
    project, others = await a_project(api, mine), await a_project(api, other)
    stream = await watch(served, f"/v1/tenants/{mine}/projects?watch=true")
    await api.do("DELETE", f"/v1/projects/{others}")
    await api.do("DELETE", f"/v1/projects/{project}")
    event = await stream.hear()
    assert (event.kind, event.entity) == ("deleted", project)
    stream.close()


async def test_a_host_that_goes_missing_is_told(served: Watched) -> None:
    api = served.api
    host = (await a_host(api)).id
    stream = await watch(served, "/v1/infrastructure/hosts?watch=true")
    await api.store.commit([Insert(MISSING_HOSTS, MissingHost(host, 7, "silent"))])
    event = await stream.hear()
    assert (event.entity, event.item["missingReason"]) == (host, "silent")
    stream.close()


async def test_changes_in_quick_succession_are_told_as_one(served: Watched) -> None:
    api = served.api
    first = await api.store.revision()
    zone = a_zone(api)
    await api.store.commit([Insert(ZONES, zone)])
    for generation in range(1, 5):
        changed = replace(zone, name=f"z{generation}", generation=generation)
        await api.store.commit([Update(ZONES, changed)])
    stream = await watch(served, f"/v1/zones?watch=true&since={first}")
    event = await stream.hear()
    assert (event.revision, event.item["name"]) == (first + 5, "z4")
    stream.close()


async def test_too_old_and_too_new_are_gone_and_say_what_to_do(tmp_path: Path) -> None:
    api = Api(tmp_path)
    await api.open()
    await api.store.close()
    options = SqliteOptions(durably=Inline(), changes_kept=10)
    api.store = SqliteStore(MEMORY, NOUNS, api.clock, options)
    api.plane.store = api.store
    for _ in range(200):
        await api.store.commit([Insert(ZONES, a_zone(api))])
    for since in (3, 10_000):
        error = await api.refused(
            "GET", f"/v1/zones?watch=true&since={since}", code=RevisionGone.code, status=410
        )
        assert "list again" in error["message"]
    await api.close()


@pytest.mark.parametrize("since", ["x", "-1", "1.x", "9" * 30, "1.99999"])
async def test_what_is_no_revision_is_refused(api: Api, since: str) -> None:
    path = f"/v1/zones?watch=true&since={since}"
    await api.refused("GET", path, code="InvalidQueryParams")


async def test_a_watch_has_no_pages(api: Api) -> None:
    await api.refused("GET", "/v1/zones?watch=true&pageSize=3", code="InvalidQueryParams")


async def test_one_watcher_more_than_the_limit_is_refused(served: Watched) -> None:
    served.api.plane.watches.watchers_max = 1
    stream = await watch(served, "/v1/zones?watch=true")
    other = await watch(served, "/v1/zones?watch=true")
    assert (other.status, other.headers["retry-after"]) == (503, "5")
    stream.close()
    await until(served, 0)
    assert (await watch(served, "/v1/zones?watch=true")).status == 200


async def test_who_reads_too_slowly_is_cut_off(
    served: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Meanwhile no more is read for it than one look's worth."""
    monkeypatch.setattr(watching, "DRAIN_SECONDS", 0.05)  # a constant; no argument reaches so far
    api = served.api
    first = await api.store.revision()
    for _ in range(40):
        await api.store.commit([Insert(ZONES, a_zone(api, "n" * 60_000)) for _ in range(10)])
    stream = await served.stream(buffered=1_000)
    await stream.open(f"/v1/zones?watch=true&since={first}")
    await until(served, 0)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await stream.hear_many(400)


async def test_a_controller_that_stops_says_so(served: Watched) -> None:
    stream = await watch(served, "/v1/zones?watch=true")
    served.api.plane.watches.close()
    with pytest.raises(EOFError):
        await stream.hear()
    assert "this controller stops" in stream.comments[-1]


async def test_a_silent_stream_gives_signs_of_life_that_move_the_reader_on(
    served: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "HEARTBEAT_SECONDS", 0.01)
    api = served.api
    stream = await watch(served, "/v1/zones?watch=true")
    await api.store.commit([Insert(TASKS, a_task(api))])
    newest = await api.store.revision()
    while f"id: {newest}" not in await stream._lines():
        pass
    stream.close()
