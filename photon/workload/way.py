"""A way to a controller: a request goes in, and an answer comes out, or none does.

The workload knows no more of a cloud than this. In a simulation a way leads through the simulated
network; against a real cloud it is HTTP, to one controller or to a load balancer.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

SILENT_SECONDS: Final = 45.0  # A watch has a sign of life every 15 seconds.
REQUEST_SECONDS: Final = 30.0  # Longer than an API answers anything but a long poll or an upload.


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Lost(Exception):
    """No answer came, so what was asked for may have happened, or may yet happen."""


class Refused(Exception):
    """In place of a stream there was this answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"status {answer.status}")
        self.answer = answer


class Way(Protocol):
    """Leads to one controller, or to any of them."""

    async def request(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds: float = REQUEST_SECONDS,
    ) -> Answer:
        """The answer to one request, sent once. `path` begins with a slash and has its query.

        Raises:
            Lost: within `seconds` there was no answer, or the connection broke.
        """
        ...

    def watch(self, path: str, headers: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        """The pieces of a stream of server-sent events, as they come; to be closed.

        What is not taken is not read from the connection either. Raises:
            Lost: it broke off, or was silent; it can be taken up again, here or elsewhere.
            Refused: it never began.
        """
        ...
