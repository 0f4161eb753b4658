"""Speaks HTTP as the Go SDK does, on one connection that is kept, and reads as strictly as it."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tests.clients.go_json import Shape, Struct, decoded
from tests.clients.go_structs import API_ERROR, TASK, page_of

Json = dict[str, Any]

POLL_SECONDS = 0.1  # The SDK's.
TABLE_POLL_SECONDS = 0.02  # Where hundreds of tasks are waited for.
POLLS_MAX = 1000  # Twenty seconds at least: nothing here takes as long.
ANSWER_SECONDS_MAX = 30.0
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes
    headers: dict[str, str]

    def read(self, shape: Shape) -> Any:
        return decoded(self.content, shape)


@dataclass(frozen=True)
class Form:
    """A multipart body in one of the two ways of the old clients."""

    name: str
    content: bytes
    replication: str | None = "EAGER"
    chunked: bool = True  # Go; else Content-Length, as Ruby
    field: str = "ImageReplication"
    file_first: bool = False

    boundary = "9b5e7dd1c1a74b8f8a3c"

    def parts(self) -> list[bytes]:
        """The body in pieces. Go's begins with CRLF; neither ends with one."""
        field = (
            f"--{self.boundary}\r\nContent-Disposition: form-data; "
            f'name="{self.field}"\r\n\r\n{self.replication}\r\n'
        ).encode()
        head = (
            f"--{self.boundary}\r\nContent-Disposition: form-data; "
            f'name="file"; filename="{self.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()
        file = [head, *_slices(self.content), b"\r\n"]
        fields = [] if self.replication is None else [field]
        order = [*file, *fields] if self.file_first else [*fields, *file]
        first = [b"\r\n"] if self.chunked else []
        return [*first, *order, f"--{self.boundary}--".encode()]


def _slices(content: bytes, size: int = 32 * 1024) -> Iterable[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


class GoClient:
    def __init__(self, host: str, port: int, poll_seconds: float = POLL_SECONDS) -> None:
        self.poll_seconds = poll_seconds
        self.address = (host, port)
        self.base = f"http://{host}:{port}"
        self._line = http.client.HTTPConnection(host, port, timeout=ANSWER_SECONDS_MAX)

    def close(self) -> None:
        self._line.close()

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Any answer. Each must have what all have."""
        content = b"" if body is None else json.dumps(body).encode()
        self._begin(method, path)
        if content or method != "GET":
            self._line.putheader("Content-Type", "application/json")
        if content or method in ("POST", "PUT", "PATCH"):
            self._line.putheader("Content-Length", str(len(content)))
        self._line.endheaders(content or None)
        return self._answer()

    def send(self, path: str, form: Form) -> Answer:
        self._begin("POST", path)
        self._line.putheader("Content-Type", f"multipart/form-data; boundary={form.boundary}")
        parts = form.parts()
        if form.chunked:
            self._line.putheader("Transfer-Encoding", "chunked")
            self._line.endheaders()
            for part in parts:
                self._line.send(b"%x\r\n%s\r\n" % (len(part), part))
            self._line.send(b"0\r\n\r\n")
        else:
            self._line.putheader("Content-Length", str(sum(map(len, parts))))
            self._line.endheaders(b"".join(parts))
        return self._answer()

    def _begin(self, method: str, path: str) -> None:
        self._line.putrequest(method, path, skip_accept_encoding=True)
        self._line.putheader("User-Agent", "Go-http-client/1.1")
        self._line.putheader("Accept-Encoding", "gzip")

    def _answer(self) -> Answer:
        response = self._line.getresponse()
        content = response.read()
        headers = {name.lower(): value for name, value in response.getheaders()}
        if headers.get("content-encoding") == "gzip":
            content = gzip.decompress(content)
        assert headers["x-api-version"] == "1.0"
        assert _UUID.fullmatch(headers["request-id"])
        assert headers["content-type"].partition(";")[0] == "application/json"
        assert content, "an empty body breaks the clients"
        assert not response.will_close, "the connection is kept, whatever the answer"
        return Answer(response.status, content, headers)

    def get(self, path: str, shape: Shape) -> Any:
        answer = self.ask("GET", path)
        assert answer.status == 200, answer.content
        return answer.read(shape)

    def entity(self, path: str, shape: Struct) -> Json:
        """One entity, whose self link must lead to itself."""
        found: Json = self.get(path, shape)
        assert found["selfLink"] == f"{self.base}{path}"
        return found

    def items(self, path: str, shape: Shape) -> list[Json]:
        """All pages, each link followed as a path."""
        items: list[Json] = []
        while path:
            page = self.get(path, page_of(shape))
            items += page["items"]
            path = page["nextPageLink"] or ""
            assert path == "" or path.startswith("/v1/"), path
        return items

    def task(self, method: str, path: str, body: Any = None, *, status: int = 201) -> Json:
        """The first answer to a change."""
        answer = self.ask(method, path, body)
        assert answer.status == status, answer.content
        return self.checked(answer.read(TASK))

    def checked(self, task: Json) -> Json:
        assert task["selfLink"] == f"{self.base}/v1/tasks/{task['id']}"
        assert _UUID.fullmatch(task["id"])
        assert [step["sequence"] for step in task["steps"]] == list(range(len(task["steps"])))
        ended = task["state"] in ("COMPLETED", "ERROR")
        assert (task["endTime"] is not None) == ended, task
        if task["state"] == "COMPLETED":
            assert all(step["state"] == "COMPLETED" for step in task["steps"]), task
            assert task["startedTime"] is not None
        return task

    def wait(self, task: Json) -> Json:
        """Polls as the SDK does: at once, then every so often."""
        now = task
        for _ in range(POLLS_MAX):
            now = self.checked(self.get(f"/v1/tasks/{task['id']}", TASK))
            assert now["entity"] == task["entity"], "the first answer named another entity"
            assert now["operation"] == task["operation"]
            if now["state"] in ("COMPLETED", "ERROR"):
                return now
            time.sleep(self.poll_seconds)
        raise AssertionError(f"task {task['id']} does not end: {now}")

    def done(self, method: str, path: str, body: Any = None, *, status: int = 201) -> Json:
        """A change that succeeds."""
        task = self.wait(self.task(method, path, body, status=status))
        assert task["state"] == "COMPLETED", task
        return task

    def made(self, path: str, body: Any) -> str:
        """The id of what a POST makes, as the SDK learns it: from the first answer."""
        first = self.task("POST", path, body)
        ended = self.wait(first)
        assert ended["state"] == "COMPLETED", ended
        return str(first["entity"]["id"])

    def failed(self, method: str, path: str, body: Any = None, *, status: int = 201) -> list[str]:
        """The codes of the step errors of a change that is accepted and fails."""
        task = self.wait(self.task(method, path, body, status=status))
        assert task["state"] == "ERROR", task
        return step_errors(task)

    def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str, Json]:
        """Status, code and data of a change that is not accepted."""
        return as_error(self.ask(method, path, body))


def as_error(answer: Answer) -> tuple[int, str, Json]:
    error = answer.read(API_ERROR)
    assert set(error) <= {"code", "message", "data", "errorCode"}
    assert answer.status >= 400, answer.content
    return answer.status, error["code"], error["data"] or {}


def step_errors(task: Json) -> list[str]:
    """Of the first step that failed; steps after it must not have begun."""
    states = [step["state"] for step in task["steps"]]
    failed = states.index("ERROR")
    assert states == ["COMPLETED"] * failed + ["ERROR"] + ["QUEUED"] * (len(states) - failed - 1)
    return [error["code"] for error in task["steps"][failed]["errors"]]
