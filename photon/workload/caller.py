"""One client: sends requests, sends them again where that is safe, and checks every answer's form.

A POST has an Idempotency-Key, so one that got no answer is sent again, here or elsewhere, until it
is known what became of it. What has no key is sent once, and is then unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import msgspec

from photon.domain.task import ENDED
from photon.outside.clock import Clock
from photon.workload.broken import Broken, Promise
from photon.workload.facts import Span
from photon.workload.gate import SYSTEM_INFO, SYSTEM_PAUSED, Gate
from photon.workload.history import History
from photon.workload.ledger import Json, Ledger, codes_of
from photon.workload.way import REQUEST_SECONDS, Answer, Lost, Way

TRIES_MAX: Final = (
    12  # With the pauses between them, longer than any outage that is to be outlived.
)
PAUSE_SECONDS: Final = 0.5
PAUSE_SECONDS_MAX: Final = 15.0  # Some fault has ended by then, or another controller is found.
LONG_POLL_SECONDS: Final = 20.0
PATIENCE_SECONDS: Final = 900.0  # A task that waits for a host to be missing, twice over.
IMPATIENT_SECONDS: Final = 0.05  # A client that goes away while it is being answered.
IMPATIENT: Final = 0.02  # so many of all requests
ELSEWHERE: Final = 0.3  # so many requests go to another controller than the client's last

_PROXY_STATUSES: Final = frozenset({502, 503, 504})
_REVISION: Final = "photon-revision"
_TIMED: Final = frozenset({429, 503})  # Not now: ask again.


@dataclass(slots=True)
class Desk:
    """What all clients of one cloud share."""

    clock: Clock
    history: History
    ledger: Ledger
    gate: Gate = field(default_factory=Gate)
    keys: int = 0

    def new_key(self) -> str:
        self.keys += 1
        return f"key-{self.keys}"


@dataclass(frozen=True, slots=True)
class Reply:
    """`status` 0: nobody answered. `doubt`: a try before got no answer, and may yet happen.

    `revision` is that of a list.
    """

    status: int
    body: Any
    span: Span
    doubt: bool = False
    revision: int | None = None

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """The error's."""
        return str(self.body["code"]) if self.status >= 400 else ""

    @property
    def refused(self) -> bool:
        """It surely was not done, and never will be."""
        return self.status >= 400 and not self.doubt


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. `ids` are what the history finds it by; `body` is JSON, or bytes as they are.

    `raw`: a good answer's body is no JSON, and is given as it came.
    """

    method: str
    path: str
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    ids: tuple[str, ...] = ()
    tries: int = 1
    seconds: float = REQUEST_SECONDS
    raw: bool = False

    @property
    def content(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.body is None else msgspec.json.encode(self.body)


class Caller:
    """`name` is for the history."""

    def __init__(self, name: str, ways: Sequence[Way], random: Random, desk: Desk) -> None:
        self.name = name
        self.random = random
        self.desk = desk
        self.ways = ways
        self._at = random.randrange(len(ways))

    async def get(self, path: str, *ids: str) -> Reply:
        """One that nobody answers is asked again."""
        return await self.send(Asked("GET", path, ids=ids, tries=TRIES_MAX))

    async def post(self, path: str, body: object = None, *ids: str, key: str = "") -> Reply:
        headers = {"idempotency-key": key or self.desk.new_key()}
        return await self.send(Asked("POST", path, body, headers, ids, TRIES_MAX))

    async def once(self, method: str, path: str, body: object = None, *ids: str) -> Reply:
        """What has no key."""
        return await self.send(Asked(method, path, body, ids=ids))

    async def ask_way(self, way: int, path: str) -> Reply:
        """Of one way, once."""
        begin = self.desk.history.say(self.name, f"GET {path} by way {way}")
        try:
            answer = await self.ways[way].request("GET", path, b"", {})
            self._at = way
            reply = self.judged(answer, begin)
            self._pass_gate(Asked("GET", path), reply)
            return reply
        except Lost:
            return Reply(0, None, Span(begin, self.desk.history.tick()))

    async def send(self, asked: Asked) -> Reply:
        """Until somebody answers, or so many tries were made."""
        desk, body, doubt = self.desk, asked.content, False
        begin = desk.history.say(
            self.name, f"{asked.method} {asked.path} {_short(body)}", *asked.ids
        )
        pause_seconds = PAUSE_SECONDS
        for left in range(asked.tries - 1, -1, -1):
            try:
                answer = await self._answer(asked, body)
                reply = self.judged(answer, begin, doubt=doubt, raw=asked.raw)
                self._pass_gate(asked, reply)
                desk.history.say(self.name, f"  {reply.status} {_gist(reply)}", *asked.ids)
                if reply.status not in _TIMED:
                    return reply
            except Lost:
                desk.history.say(self.name, f"  no answer from way {self._at}", *asked.ids)
                self._at = self.random.randrange(len(self.ways))
            doubt = True
            if left:
                await desk.clock.sleep(pause_seconds)
                pause_seconds = min(2 * pause_seconds, PAUSE_SECONDS_MAX)
        return Reply(0, None, Span(begin, desk.history.tick()), doubt=True)

    async def _answer(self, asked: Asked, body: bytes) -> Answer:
        if self.random.random() < ELSEWHERE:
            self._at = self.random.randrange(len(self.ways))
        headers = {"content-type": "application/json", **asked.headers} if body else asked.headers
        seconds = IMPATIENT_SECONDS if self.random.random() < IMPATIENT else asked.seconds
        way = self.ways[self._at]
        return await way.request(asked.method, asked.path, body, headers, seconds=seconds)

    async def ended(self, task: Json, *ids: str) -> Json | None:
        """The task when it has ended; None when it does not within PATIENCE_SECONDS."""
        clock = self.desk.clock
        until = clock.monotonic() + PATIENCE_SECONDS
        path = f"/v1/tasks/{task['id']}?wait={LONG_POLL_SECONDS:g}"
        while task["state"] not in ENDED:
            if clock.monotonic() > until:
                return None
            reply = await self.get(path, str(task["id"]), *ids)
            if reply.status == 404:
                text = f"task {task['id']} was acknowledged, and is not there"
                raise Broken(Promise.ACKNOWLEDGED_EXISTS, text, task["id"], *ids)
            if reply.ok:
                task = self.task_in(reply)
        self.desk.history.say(
            self.name,
            f"  task {task['id']} of {task['operation']} ended: {task['state']} {codes_of(task)}",
            str(task["id"]),
            *ids,
        )
        return task

    def task_in(self, reply: Reply) -> Json:
        """Looks at the task of an answer."""
        self.desk.ledger.saw_task(reply.body, reply.span)
        return dict(reply.body)

    def _pass_gate(self, asked: Asked, reply: Reply) -> None:
        """What an answer says of a pause goes with what is known of it. Raises Broken."""
        way, gate = self.ways[self._at], self.desk.gate
        if reply.ok or reply.code == SYSTEM_PAUSED:
            gate.judge((asked.method, asked.path), way, reply.span, paused=not reply.ok)
        if reply.ok and asked.path == SYSTEM_INFO:
            gate.told(way, reply.span, (str(reply.body["state"]),), SYSTEM_INFO)

    def judged(
        self, answer: Answer, begin: int, *, doubt: bool = False, raw: bool = False
    ) -> Reply:
        """An answer to what was asked at `begin`; if `raw`, a good one's body as it came.

        Raises Broken; Lost, if it is a proxy's.
        """
        version = answer.headers.get("x-api-version")
        if version is None and answer.status in _PROXY_STATUSES:
            raise Lost  # A proxy that found nobody.
        span = Span(begin, self.desk.history.tick())
        said = answer.headers.get(_REVISION)
        revision = None if said is None else int(said)
        body = answer.body if raw and answer.status < 300 else _parsed(answer)
        reply = Reply(answer.status, body, span, doubt, revision)
        _check_form(reply, version)
        if revision is not None:
            self.desk.ledger.saw_revision(revision, span)
        return reply


def _parsed(answer: Answer) -> Any:
    try:
        return msgspec.json.decode(answer.body)
    except msgspec.DecodeError:
        text = f"{answer.status} with a body that is no JSON: {answer.body[:200]!r}"
        raise Broken(Promise.ANSWER_IS_WELL_FORMED, text) from None


def _check_form(reply: Reply, version: str | None) -> None:
    if version != "1.0":
        text = f"an answer {reply.status} says that the API's version is {version}"
        raise Broken(Promise.ANSWER_IS_WELL_FORMED, text)
    if reply.status >= 500 and reply.status != 503:
        raise Broken(Promise.NO_INTERNAL_ERROR, f"{reply.status} {reply.body}")
    if reply.status >= 400 and not (
        isinstance(reply.body, dict) and {"code", "message"} <= reply.body.keys()
    ):
        text = f"{reply.status} without code and message: {reply.body}"
        raise Broken(Promise.ANSWER_IS_WELL_FORMED, text)


def _short(content: bytes) -> str:
    text = content[:160].decode("utf-8", "replace")
    return text if len(content) <= 160 else f"{text}... ({len(content)} bytes)"


def _gist(reply: Reply) -> str:
    """What a person wants to know of an answer."""
    body = reply.body
    if reply.status >= 400:
        return f"{body['code']}: {body['message']}"
    if isinstance(body, dict) and "operation" in body:
        entity = body["entity"]
        return f"task {body['id']} {body['state']} of {entity['kind']} {entity['id']}"
    if isinstance(body, dict) and "items" in body:
        return f"{len(body['items'])} items"
    if isinstance(body, dict):
        shown = {name: body[name] for name in ("id", "name", "state", "host") if name in body}
        return str(shown)
    return ""
