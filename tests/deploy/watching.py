"""A client that watches a list through the proxy, and goes on with its last position when cut."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

PAUSE_SECONDS: Final = 0.05  # Before it begins again.


@dataclass
class WatchingClient:
    """`begun` counts its streams; `seen` has what it was told, in order."""

    client: httpx2.AsyncClient
    path: str
    since: str
    begun: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)
    positions: list[str] = field(default_factory=list)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            with contextlib.suppress(httpx2.TransportError):
                await self._stream()
            await asyncio.sleep(PAUSE_SECONDS)

    async def saw(self, names: set[str]) -> None:
        """Returns when all of these were told."""
        while not names <= {event["item"]["name"] for event in self.seen}:
            self._moved.clear()
            await self._moved.wait()

    async def _stream(self) -> None:
        asked = {"watch": "true", "since": self.since}
        async with self.client.stream("GET", self.path, params=asked) as answer:
            if answer.status_code in (502, 503):  # Nobody is known to serve at this moment.
                return
            assert answer.status_code == 200, await answer.aread()
            self.begun += 1
            said = dict[str, str]()
            async for line in answer.aiter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    said[name] = value
                else:
                    self._take(said)
                    said = {}

    def _take(self, said: dict[str, str]) -> None:
        """A whole event; what was cut in its middle is told again."""
        if said.get("event") == "changed":
            self.seen.append(json.loads(said["data"]))
            self.positions.append(said["id"])
        self.since = said.get("id", self.since)
        self._moved.set()
