"""Fetches a file that a host offers."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Final

import httpx2

from photon.images.errors import ImageToolFailed

CONNECT_SECONDS: Final = 10.0  # A host that is up answers in milliseconds.
SILENCE_SECONDS: Final = 60.0  # Between two pieces: its disk may be busy, but not for so long.


async def fetch(url: str) -> AsyncGenerator[bytes, None]:
    """The file's bytes, as they come.

    Raises:
        ImageToolFailed: it is not there, the host does not answer, or the connection broke off.
    """
    timeout = httpx2.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
    try:
        async with (
            httpx2.AsyncClient(timeout=timeout, trust_env=False) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code != httpx2.codes.OK:
                raise ImageToolFailed(f"the host answered {answer.status_code} to {url}")
            async for chunk in answer.aiter_raw():
                yield chunk
    except httpx2.HTTPError as problem:
        raise ImageToolFailed(f"{url} was not fetched: {problem!r}") from problem
