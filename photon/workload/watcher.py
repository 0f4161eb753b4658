"""A client that follows lists: it lists, watches from there, is cut off or rests, and goes on.

It has a few lists, and one stream at a time; while it reads one, it is away from the others. What
it hears is judged as it comes, and once more when all is quiet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

from photon.wire.v1.watch import EventKind
from photon.workload.broken import Broken, Promise
from photon.workload.caller import PAUSE_SECONDS, Reply
from photon.workload.client import Client
from photon.workload.facts import Span
from photon.workload.followed import Events, Followed, Subject, Told, place_of
from photon.workload.ledger import Json
from photon.workload.model import judge_there
from photon.workload.way import Answer, Lost, Refused

LISTS_MAX: Final = 3  # Of one watcher: so it is away from each for a while.
SITTING_SECONDS_MAX: Final = 20.0  # One sitting at a stream; the next is elsewhere, or of another.
AWAY_SECONDS_MAX: Final = 40.0  # Between two sittings, now and then.
# It reads nothing. From 20 s on it may be cut off; in the long ones it must be, if more comes.
REST_SECONDS: Final = ((2.0, 20.0), (2.0, 20.0), (25.0, 60.0), (120.0, 180.0))
REST_AFTER_MAX: Final = 2  # So many pieces: most streams have few.
RESTS: Final = 0.4  # In so many sittings.
AWAY: Final = 0.3
BY_HEADER: Final = 0.5  # So often the last id goes into the header, else into the query.
FILTERED: Final = 0.3  # Of lists of tasks.
PAGES_MAX: Final = 1_000  # A list that never ends is a fault, too.
SETTLE_TRIES_MAX: Final = 5  # Of a list and the stream up to it: a sweep may come in between.
# Three signs of life, and what a stream has to tell before them.
SETTLE_SECONDS: Final = 60.0
HOSTS: Final = "/v1/infrastructure/hosts"

Choose = Callable[[Client], Subject | None]


@dataclass(frozen=True, slots=True)
class Sitting:
    """How long it stays, and after how many pieces it reads nothing for how long."""

    seconds: float
    rest_after: int = -1
    rest_seconds: float = 0.0


class Gone(Exception):
    """The feed no longer reaches back to where the reader is: it has to list again."""


class Watcher:
    """`run` until it is cancelled; later `settle`, when nothing changes any more."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._random = client.random
        self._lists: list[Followed] = []

    async def run(self) -> None:
        """Raises Broken."""
        clock = self._client.caller.desk.clock
        while True:
            followed = await self._some()
            if followed is not None:
                await self._sit(followed, self._sitting())
            away = self._random.random() < AWAY
            seconds = AWAY_SECONDS_MAX if away else PAUSE_SECONDS
            await clock.sleep(self._random.random() * seconds)

    async def settle(self) -> None:
        """Everything that was acknowledged has been told, and nothing else. Raises Broken."""
        async with asyncio.TaskGroup() as group:
            for followed in list(self._lists):
                group.create_task(self._settle(followed))

    def _sitting(self) -> Sitting:
        random = self._random
        seconds = random.random() * SITTING_SECONDS_MAX
        if random.random() >= RESTS:
            return Sitting(seconds)
        return Sitting(
            seconds, random.randint(0, REST_AFTER_MAX), random.uniform(*random.choice(REST_SECONDS))
        )

    async def _some(self) -> Followed | None:
        """One of its lists, or a new one."""
        if len(self._lists) >= LISTS_MAX:
            return self._random.choice(self._lists)
        subject = _subject(self._client)
        if subject is None:
            return None
        followed = await self._listed(subject)
        if followed is not None:
            self._lists.append(followed)
        return followed

    async def _listed(self, subject: Subject) -> Followed | None:
        """A list, to be followed from its revision on; None: its owner is gone."""
        begun = self._client.history.tick()
        first = reply = await self._client.caller.get(subject.path)
        if not self._there(subject, reply):
            return None
        items: list[Json] = list(reply.body["items"])
        for _ in range(PAGES_MAX):
            link = reply.body["nextPageLink"]
            if link is None:
                assert first.revision is not None, "a list says as of which revision it is"
                by_id = {str(item["id"]): item for item in items}
                return Followed(subject, str(first.revision), begun, by_id)
            reply = await self._client.caller.get(link)
            if not self._there(subject, reply):
                return None
            items += reply.body["items"]
        raise Broken(Promise.LISTS_ARE_WHOLE, f"the list {subject.path} does not end")

    def _there(self, subject: Subject, reply: Reply) -> bool:
        if reply.status and subject.owner is not None:
            judge_there("owner of a list", subject.owner, reply)
        return reply.ok

    # One stream

    async def _sit(self, followed: Followed, sitting: Sitting) -> None:
        try:
            async with asyncio.timeout(sitting.seconds + sitting.rest_seconds):
                await self._read(followed, sitting)
        except TimeoutError:
            self._say("leaves", followed)
        except Lost as lost:
            self._say(f"is cut off: {lost}", followed)
        except Refused as refused:
            await self._refused(followed, refused.answer)
        except Gone:
            await self._begin_again(followed)

    async def _read(
        self, followed: Followed, sitting: Sitting, until: Callable[[], bool] = lambda: False
    ) -> None:
        """Until `until`. Raises Broken, Lost, Refused, Gone."""
        caller, events, first = self._client.caller, Events(), True
        way = caller.ways[self._random.randrange(len(caller.ways))]
        path, headers, since = followed.subject.path, {}, followed.position
        path += "&watch=true" if "?" in path else "?watch=true"
        if self._random.random() < BY_HEADER:
            headers = {"last-event-id": since}
        else:
            path += f"&since={since}"
        self._say(f"watches from {since}", followed)
        rest_after = sitting.rest_after
        async with aclosing(way.watch(path, headers)) as pieces:
            async for piece in pieces:
                for told in events.take(piece):
                    if first:
                        followed.begins(told)
                    else:
                        self._hear(followed, told)
                    first = False
                if until():
                    return
                if rest_after == 0:
                    self._say(f"reads nothing for {sitting.rest_seconds:.0f} s", followed)
                    await caller.desk.clock.sleep(sitting.rest_seconds)
                rest_after -= 1

    def _hear(self, followed: Followed, told: Told) -> None:
        if told.kind:
            shown = "" if told.item is None else str(told.item.get("state", ""))
            self._say(f"{told.kind} {told.id} {shown} at {told.position}", followed, told.id)
        if told.kind == EventKind.GONE:
            self._judge_gone(followed, told.revision)
            raise Gone
        followed.hear(told)
        if told.item is not None and followed.subject.noun == "task":
            # What it tells may be from any moment since its list.
            span = Span(followed.begun, self._client.history.tick())
            self._client.caller.desk.ledger.saw_task(told.item, span)

    async def _refused(self, followed: Followed, answer: Answer) -> None:
        """Raises Broken."""
        caller = self._client.caller
        begin = caller.desk.history.tick()
        try:
            reply = caller.judged(answer, begin)
        except Lost:
            return
        self._say(f"is refused: {reply.status} {reply.code}", followed)
        if reply.code == "RevisionGone":
            self._judge_gone(followed, int(reply.body["data"]["oldest"]))
            await self._begin_again(followed)
        elif reply.status == 404 and followed.subject.owner is not None:
            self._there(followed.subject, reply)
            self._lists = [other for other in self._lists if other is not followed]
        elif reply.status not in (429, 503):
            text = f"{followed.subject.path} from {followed.position}: {reply.status} {reply.body}"
            raise Broken(Promise.REFUSED_FOR_A_REASON, text)

    def _judge_gone(self, followed: Followed, oldest: int) -> None:
        """Raises Broken: it was not away for so long."""
        at, reaches = place_of(followed.position)[0], self._client.site.feed_reaches
        newest = self._client.caller.desk.ledger.revision
        if oldest <= at or max(newest - at, 0) < reaches:
            text = f"{followed.subject.path} was at {at} of {newest}, and is told to list again"
            raise Broken(Promise.WATCH_GOES_ON, text)

    async def _begin_again(self, followed: Followed) -> None:
        self._lists = [other for other in self._lists if other is not followed]
        again = await self._listed(followed.subject)
        if again is not None:
            self._lists.append(again)

    # The end

    async def _settle(self, followed: Followed) -> None:
        differs: Broken | None = None
        for tries in range(SETTLE_TRIES_MAX):
            await self._client.caller.desk.clock.sleep(tries * PAUSE_SECONDS)
            listed = await self._listed(followed.subject)
            if listed is None or followed not in self._lists:
                return  # Its owner is gone, or it began again, with what is now.
            revision = place_of(listed.position)[0]
            if not await self._reach(followed, revision):
                continue
            differs = followed.differs([*listed.items.values()])
            if differs is None:
                self._say(f"is whole up to {followed.position}", followed)
                return
        if differs is None:
            text = f"the stream of {followed.subject.path} does not come to what is listed"
            differs = Broken(Promise.WATCH_MISSES_NOTHING, text)
        raise differs

    async def _reach(self, followed: Followed, revision: int) -> bool:
        """Whether it came so far."""
        if followed.reached(revision):
            return True
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._read(
                    followed, Sitting(SETTLE_SECONDS), lambda: followed.reached(revision)
                )
        except (TimeoutError, Lost):
            return False
        except Refused as refused:
            await self._refused(followed, refused.answer)
        except Gone:
            await self._begin_again(followed)
        return followed.reached(revision)

    def _say(self, text: str, followed: Followed, *ids: str) -> None:
        self._client.history.say(
            self._client.caller.name, f"stream of {followed.subject.path}: {text}", *ids
        )


def _subject(client: Client) -> Subject | None:
    """Some list. Where others work too, our own projects' alone: nobody else's are quiet."""
    model, random = client.model, client.random
    project = client.ready(model.projects)
    lists: list[Subject] = []
    if project is not None:
        path = f"/v1/projects/{project.id}"
        lists += [
            Subject(f"{path}/vms", "VM", model.vms, project),
            Subject(f"{path}/vms", "VM", model.vms, project),
            Subject(f"{path}/disks", "disk", model.disks, project),
            Subject(f"{path}/tasks", "task", None, project),
        ]
    tenant = client.ready(model.tenants)
    if client.site.alone:
        lists += [
            Subject(HOSTS, "host", model.hosts),
            Subject("/v1/images", "image", model.images),
            Subject("/v1/tenants", "tenant", model.tenants),
            Subject("/v1/tasks", "task"),
        ]
        if tenant is not None:
            lists.append(
                Subject(f"/v1/tenants/{tenant.id}/projects", "project", model.projects, tenant)
            )
    if not lists:
        return None
    subject = random.choice(lists)
    if subject.noun == "task" and random.random() < FILTERED:
        state = random.choice(("STARTED", "COMPLETED", "ERROR"))
        return Subject(f"{subject.path}?state={state}", "task", None, subject.owner, state)
    return subject
