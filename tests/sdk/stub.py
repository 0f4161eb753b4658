"""A small stand-in for the API: speaks the contract over real HTTP, keeps entities in memory.

It exists so that the client can be tested against bytes on a socket. It knows no rules of its own
but the shapes; a test tells it what to refuse.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from typing import Any
from urllib.parse import parse_qs, unquote

from tests.sdk.stub_entities import (
    AUDITED,
    CAPACITY,
    DRY_RUN,
    MAKERS,
    OPERATION_NOUNS,
    ORPHAN,
    SLOW_NOUNS,
    STEPS,
    SYSTEM,
    Json,
    placement,
)

Receive = Callable[[], Awaitable[Json]]
SendMessage = Callable[[Json], Awaitable[None]]
CONSOLE_GREETING = b"login: "
SLOW_VERBS = frozenset({"start", "stop", "restart", "suspend", "resume", "attach_disk"})
STATE_AFTER = {"start": "STARTED", "resume": "STARTED", "stop": "STOPPED", "suspend": "SUSPENDED"}


@dataclass
class Asked:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


@dataclass
class Stub:
    """`faults` are answered first, one a request: (status, headers). `page_size` cuts lists.

    `streams` are what watches are told, one a request.

    `keeping` names the nouns whose deleted ones stay, as if in use.

    `failing` names operations whose tasks end in ERROR, with (step, code, message).
    """

    page_size: int = 100
    polls_to_end: int = 2
    faults: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    failing: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    refusing: dict[str, tuple[int, str, str]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    entities: dict[str, dict[str, Json]] = field(
        default_factory=lambda: {noun: {} for noun in MAKERS}
    )
    tasks: dict[str, Json] = field(default_factory=dict)
    answered: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    content: bytes = b""
    port: int = 0
    console_heard: bytes = b""
    ids_given: int = 0
    last_link: str | None = None
    keeping: set[str] = field(default_factory=set)
    audited: Json = field(default_factory=lambda: dict(AUDITED))
    streams: list[bytes] = field(default_factory=list)

    async def __call__(self, scope: Json, receive: Receive, send: SendMessage) -> None:
        if scope["type"] == "websocket":
            await self._console(scope, receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def _http(self, scope: Json, receive: Receive, send: SendMessage) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        pairs = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
        asked = Asked(
            scope["method"],
            scope["raw_path"].decode().split("?")[0],
            {key: values[0] for key, values in pairs.items()},
            {key.decode(): value.decode() for key, value in scope["headers"]},
            body,
        )
        self.asked.append(asked)
        status, headers, answer = self._answer(asked)
        raw = [(key.encode(), value.encode()) for key, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        if self.faults:
            status, headers = self.faults.pop(0)
            return status, headers, b"<html>busy</html>"
        if asked.query.get("watch") and self.streams:
            return 200, {}, self.streams.pop(0)
        key = asked.headers.get("idempotency-key", "")
        if key in self.answered:
            return *self.answered[key][:1], {}, self.answered[key][1]
        try:
            status, answer = self._route(asked)
        except Refused as error:
            status, answer = error.status, {"code": error.code, "message": str(error), "data": {}}
        raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        if key:
            self.answered[key] = (status, raw)
        return status, {"content-type": "application/json"}, raw

    def _route(self, asked: Asked) -> tuple[int, Json | bytes]:
        assert asked.path.startswith("/v1/"), asked.path
        where = asked.path.removeprefix("/v1/")
        for pattern, refusal in self.refusing.items():
            if re.fullmatch(pattern, f"{asked.method} {where}"):
                raise Refused(*refusal)
        if asked.method == "GET" and where in SYSTEM:
            return 200, SYSTEM[where]
        parts = [unquote(part) for part in where.removeprefix("infrastructure/").split("/")]
        match parts, asked.method:
            case ["system", "orphans"], _:
                return 200, self._page(asked, [ORPHAN])
            case ["system", "vms"], _:
                return 200, self._page(asked, [])
            case ["system", "audit"], _:
                task = self.task("AUDIT_SYSTEM", "deployment", "default")
                task["resourceProperties"] = self.audited
                return 201, task
            case ["system", verb], _:
                return 201, self.task(verb.replace("-", "_").upper(), "deployment", "default")
            case ["image-datastores"], _:
                return 200, self.task("UPDATE_IMAGE_DATASTORES", "deployment", "default")
            case ["sync-hosts-config"], _:
                return 201, self.task("SYNC_HOSTS_CONFIG", "deployment", "default")
            case ["tasks"], _:
                return 200, self._page(asked, [*self.tasks.values()])
            case ["tasks", id], _:
                return 200, self._poll(id)
            case [noun], "GET":
                return 200, self._list(asked, noun)
            case [noun], "POST":
                return 201, self._create(asked, noun, None)
            case ["hosts", id, "vms"], _:
                self._find("hosts", id)
                return 200, self._page(asked, [*self.entities["vms"].values()])
            case [_, parent, noun], "GET" if noun in MAKERS and noun != "subnets":
                return 200, self._list(asked, noun, parent)
            case ["projects", _, "vms"], "POST" if asked.query.get("dry_run"):
                return 200, DRY_RUN
            case ["projects", _, "capacity"], "POST":
                return 200, CAPACITY
            case [_, parent, noun], "POST" if noun in MAKERS:
                return 201, self._create(asked, noun, parent)
            case ["vms", id, "placement"], _:
                return 200, placement(self._find("vms", id))
            case [noun, id], _:
                return self._one(asked, noun, id)
            case [noun, id, verb], _:
                return self._verb(asked, self._find(noun, id), noun, verb)
        raise Refused(404, "NotFound", f"route {asked.path} does not exist")

    def _find(self, noun: str, id: str) -> Json:
        found = self.entities.get(noun, {}).get(id)
        if found is None:
            code = {"vms": "VmNotFound", "images": "ImageNotFound"}.get(noun, "NotFound")
            raise Refused(404, code, f"{noun} {id} does not exist")
        return found

    def _list(self, asked: Asked, noun: str, parent: str | None = None) -> Json:
        found = list(self.entities[noun].values())
        if parent is not None and noun in ("projects", "vms", "disks"):
            owner = {"projects": "tenantId"}.get(noun, "projectId")
            found = [entity for entity in found if entity.get(owner, parent) == parent]
        for key in ("name", "kind"):
            if key in asked.query:
                found = [entity for entity in found if entity[key] == asked.query[key]]
        return self._page(asked, found)

    def _page(self, asked: Asked, found: list[Json]) -> Json:
        start = int(asked.query.get("pageLink", "0"))
        end = start + self.page_size
        link = f"{asked.path}?pageLink={end}" if end < len(found) else self.last_link
        return {"items": found[start:end], "nextPageLink": link, "previousPageLink": None}

    def _create(self, asked: Asked, noun: str, parent: str | None) -> Json:
        spec = uploaded(asked) if noun == "images" else json.loads(asked.body)
        entity = self.add(noun, {**spec, "parent": parent})
        if noun == "images":
            self.content = spec["content"]
        operation = f"CREATE_{OPERATION_NOUNS[noun]}"
        return self.task(operation, entity["kind"], entity["id"], noun in SLOW_NOUNS)

    def _new_id(self) -> str:
        self.ids_given += 1
        return f"{self.ids_given:08x}-0000-4000-8000-000000000000"

    def add(self, noun: str, spec: Json) -> Json:
        """Makes an entity as if it had been created long ago."""
        id = str(spec.get("id") or self._new_id())
        base: Json = {
            "id": id,
            "selfLink": f"/v1/{noun}/{id}",
            "tags": [],
            "name": spec.get("name"),
        }
        entity = {**base, **MAKERS[noun](spec)}
        self.entities[noun][id] = entity
        return entity

    def _one(self, asked: Asked, noun: str, id: str) -> tuple[int, Json]:
        entity = self._find(noun, id)
        if asked.method == "GET":
            return 200, entity
        if asked.method == "PATCH":
            entity["name"] = json.loads(asked.body)["name"]
            return 201, self.task("UPDATE_SUBNET", entity["kind"], id)
        operation = f"DELETE_{OPERATION_NOUNS[noun]}"
        if noun in self.keeping:
            entity["state"] = "PENDING_DELETE"
        elif operation not in self.failing:
            del self.entities[noun][id]
        return 201, self.task(operation, entity["kind"], id, noun in SLOW_NOUNS)

    def _verb(self, asked: Asked, entity: Json, noun: str, verb: str) -> tuple[int, Json | bytes]:
        id, kind = entity["id"], entity["kind"]
        if verb == "tasks" and asked.method == "GET":
            mine = [task for task in self.tasks.values() if task["entity"]["id"] == id]
            return 200, self._page(asked, mine)
        if verb == "content":
            return 200, self.content
        if verb == "quota":
            return self._quota(asked, entity)
        if noun == "vms" and verb in STATE_AFTER:
            entity["state"] = STATE_AFTER[verb]
        if verb == "tags":
            entity["tags"].append(json.loads(asked.body)["value"])
        if verb == "set_metadata":
            entity["metadata"] = json.loads(asked.body)["metadata"]
        if verb == "create_image":
            made = self.add("images", json.loads(asked.body))
            return 201, self.task("CREATE_VM_IMAGE", "image", made["id"], slow=True)
        operation = {"subnets": "GET_NETWORKS", "mks_ticket": "GET_MKS_TICKET"}.get(
            verb, f"{verb.upper().replace('-', '_')}_{OPERATION_NOUNS[noun]}"
        )
        task = self.task(operation, kind, id, verb in SLOW_VERBS)
        task["resourceProperties"] = self._properties(verb)
        return 201, task

    def _properties(self, verb: str) -> Json | None:
        connection = {
            "network": "vm-network",
            "macAddress": "00:0c:29:00:00:01",
            "ipAddress": "10.0.1.5",
            "netmask": "255.255.255.0",
            "isConnected": "True",
        }
        properties: dict[str, Json] = {
            "subnets": {"networkConnections": [connection]},
            "mks_ticket": {
                "host": "10.0.0.3",
                "port": 902,
                "cfg_file": "/vm.vmx",
                "ticket": "t-1",
                "ssl_thumbprint": "aa:bb",
            },
            "console_ticket": {
                "host": "127.0.0.1",
                "port": self.port,
                "path": "/console",
                "ticket": "let me in",
                "url": None,
                "validSeconds": 60,
            },
        }
        return properties.get(verb)

    def _quota(self, asked: Asked, entity: Json) -> tuple[int, Json]:
        items = entity["quota"]["quotaItems"]
        sent = (json.loads(asked.body)["quotaItems"] or {}) if asked.body else {}
        with_usage = {key: {"usage": 0.0, **(item or {})} for key, item in sent.items()}
        match asked.method:
            case "GET":
                return 200, entity["quota"]
            case "PUT":
                entity["quota"]["quotaItems"] = with_usage
            case "PATCH":
                items.update(with_usage)
            case "DELETE":
                for key in sent:
                    items.pop(key, None)
        verb = {"PUT": "RESET", "PATCH": "UPDATE", "DELETE": "DELETE"}[asked.method]
        return 201, self.task(f"{verb}_QUOTA", entity["kind"], entity["id"])

    def task(self, operation: str, kind: str, id: str, slow: bool = False) -> Json:
        names = STEPS.get(operation, [operation])
        steps: list[Json] = [
            {
                "sequence": number,
                "state": "QUEUED",
                "operation": name,
                "errors": [],
                "warnings": [],
                "queuedTime": 1_700_000_000_000,
                "startedTime": None,
                "endTime": None,
                "options": {},
            }
            for number, name in enumerate(names)
        ]
        task_id = self._new_id()
        task: Json = {
            "id": task_id,
            "selfLink": f"/v1/tasks/{task_id}",
            "kind": "task",
            "entity": {"kind": kind, "id": id},
            "state": "QUEUED",
            "steps": steps,
            "operation": operation,
            "queuedTime": 1_700_000_000_000,
            "startedTime": None,
            "endTime": None,
            "resourceProperties": None,
            "polls": self.polls_to_end if slow or operation in self.failing else 0,
        }
        self.tasks[task_id] = task
        if not task["polls"]:
            self._end(task)
        return task

    def _poll(self, id: str) -> Json:
        task = self.tasks.get(id)
        if task is None:
            raise Refused(404, "NotFound", f"Task {id} not found")
        if task["state"] in ("QUEUED", "STARTED"):
            task["polls"] -= 1
            task["state"] = "STARTED"
            task["steps"][0]["state"] = "STARTED"
            if task["polls"] <= 0:
                self._end(task)
        return task

    def _end(self, task: Json) -> None:
        failing = self.failing.get(task["operation"])
        task["state"] = "ERROR" if failing else "COMPLETED"
        task["startedTime"], task["endTime"] = 1_700_000_000_100, 1_700_000_000_850
        for step in task["steps"]:
            if failing and step["operation"] == failing[0]:
                step["state"] = "ERROR"
                step["errors"] = [{"code": failing[1], "message": failing[2], "data": {}}]
                return
            step["state"] = "COMPLETED"

    async def _console(self, scope: Json, receive: Receive, send: SendMessage) -> None:
        await receive()
        if b"ticket=let+me+in" not in scope["query_string"]:
            await send({"type": "websocket.close", "code": 4403})
            return
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": CONSOLE_GREETING})
        while (message := await receive())["type"] == "websocket.receive":
            heard: Any = message.get("bytes") or (message.get("text") or "").encode()
            self.console_heard += heard
            await send({"type": "websocket.send", "bytes": b"you said " + heard})
            if b"bye" in self.console_heard:
                await send({"type": "websocket.close", "code": 1000})
                return


def uploaded(asked: Asked) -> Json:
    """The parts of an upload, which must be the field and then the file."""
    head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
    form: Any = BytesParser().parsebytes(head + asked.body)
    first, second = form.get_payload()
    assert first.get_param("name", header="content-disposition") == "ImageReplication"
    content = second.get_payload(decode=True)
    return {
        "name": second.get_filename(),
        "replicationType": first.get_payload().strip().upper(),
        "size": len(content),
        "content": content,
    }
