"""A way to a real cloud: HTTP, to one controller or to the balancer. Nothing is sent twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Final

import httpx2

from photon.workload.way import REQUEST_SECONDS, SILENT_SECONDS, Answer, Lost, Refused

# Loopback accepts in less than a millisecond; a listener that is frozen or cut off, never.
CONNECT_SECONDS: Final = 3.0
LINES_MAX: Final = 200  # All clients of a load together; whoever comes later waits for a line.


class HttpWay:
    """Raises OSError if `ca_file` cannot be read."""

    def __init__(self, url: str, ca_file: str | None = None) -> None:
        self._http = httpx2.AsyncClient(
            base_url=url,
            verify=httpx2.create_ssl_context(verify=ca_file) if ca_file else False,
            limits=httpx2.Limits(max_connections=LINES_MAX, max_keepalive_connections=LINES_MAX),
        )

    async def close(self) -> None:
        await self._http.aclose()

    async def request(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds: float = REQUEST_SECONDS,
    ) -> Answer:
        try:
            async with asyncio.timeout(seconds):
                answer = await self._http.request(
                    method,
                    path,
                    content=body,
                    headers=dict(headers),
                    timeout=httpx2.Timeout(seconds, connect=CONNECT_SECONDS),
                )
        except (TimeoutError, httpx2.RequestError) as error:
            raise Lost(str(error) or type(error).__name__) from error
        named = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status_code, named, answer.content)

    async def watch(self, path: str, headers: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        timeout = httpx2.Timeout(SILENT_SECONDS, connect=CONNECT_SECONDS)
        try:
            async with self._http.stream(
                "GET", path, headers=dict(headers), timeout=timeout
            ) as answer:
                if answer.status_code != httpx2.codes.OK:
                    content = await answer.aread()
                    named = {name.lower(): value for name, value in answer.headers.items()}
                    raise Refused(Answer(answer.status_code, named, content))
                async for piece in answer.aiter_bytes():
                    yield piece
        except httpx2.RequestError as error:
            raise Lost(str(error) or type(error).__name__) from error
        raise Lost("the stream ended")
