"""The two that do I/O: each drives the exchanges over its own sort of connection."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, TypeVar

import httpx2

from photon.sdk.errors import BadAnswer
from photon.sdk.exchange import (
    Lost,
    Outcome,
    Received,
    Send,
    Sleep,
    Steps,
    Surroundings,
    exchange,
)
from photon.sdk.file_body import FileBody
from photon.sdk.request import Listing, Request
from photon.sdk.watching import Event, Following, Watch

Answer = TypeVar("Answer")
Item = TypeVar("Item")

CONNECT_SECONDS = 5.0  # a host that is up accepts within milliseconds, over the ocean within one
OK = 200
PAGES_MAX = 10_000  # a million items; a server whose pages never end does not hang its clients


class AsyncCaller:
    """Carries out exchanges without blocking the event loop."""

    def __init__(self, http: httpx2.AsyncClient, around: Surroundings) -> None:
        self.around = around
        self._http = http

    async def perform(self, request: Request[Answer]) -> Answer:
        return await self.drive(exchange(request, self.around))

    async def items(self, listing: Listing[Item]) -> AsyncIterator[Item]:
        link: str | None = None
        for _ in range(PAGES_MAX):
            page = await self.perform(listing.page(link))
            for item in page.items:
                yield item
            link = next_link(listing, page.next_page_link)
            if link is None:
                return

    async def events(self, watch: Watch[Item]) -> AsyncIterator[Event[Item]]:
        following = Following(watch, self.around)
        while True:
            send = Send(following.request(), {}, boundary="")
            request = self._http.build_request(**_arguments(send, _pieces_async))
            ended: Received | Lost
            try:
                response = await self._http.send(request, stream=True)
                try:
                    if response.status_code == OK:
                        async for piece in response.aiter_bytes():
                            for event in following.take(piece):
                                yield event
                    ended = _received(
                        response, b"" if response.is_success else await response.aread()
                    )
                finally:
                    await response.aclose()
            except httpx2.RequestError as error:
                ended = _lost(error)
            await asyncio.sleep(following.lost(ended))

    async def drive(self, steps: Steps[Answer]) -> Answer:
        outcome: Outcome = None
        while True:
            try:
                effect = steps.send(outcome)
            except StopIteration as end:
                answer: Answer = end.value
                return answer
            if isinstance(effect, Sleep):
                await asyncio.sleep(effect.seconds)
                outcome = None
            else:
                outcome = await self._send(effect)

    async def _send(self, send: Send) -> Received | Lost:
        request = self._http.build_request(**_arguments(send, _pieces_async))
        try:
            response = await self._http.send(request, stream=True)
            try:
                if send.request.sink is None or not response.is_success:
                    return _received(response, await response.aread())
                async for piece in response.aiter_bytes():
                    await asyncio.to_thread(send.request.sink, piece)
                return _received(response, b"")
            finally:
                await response.aclose()
        except httpx2.RequestError as error:
            return _lost(error)


class Caller:
    """Carries out exchanges in the calling thread."""

    def __init__(
        self,
        http: httpx2.Client,
        around: Surroundings,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.around = around
        self._http = http
        self._sleep = sleep

    def perform(self, request: Request[Answer]) -> Answer:
        return self.drive(exchange(request, self.around))

    def items(self, listing: Listing[Item]) -> Iterator[Item]:
        link: str | None = None
        for _ in range(PAGES_MAX):
            page = self.perform(listing.page(link))
            yield from page.items
            link = next_link(listing, page.next_page_link)
            if link is None:
                return

    def events(self, watch: Watch[Item]) -> Iterator[Event[Item]]:
        following = Following(watch, self.around)
        while True:
            send = Send(following.request(), {}, boundary="")
            request = self._http.build_request(**_arguments(send, FileBody.pieces))
            ended: Received | Lost
            try:
                response = self._http.send(request, stream=True)
                try:
                    if response.status_code == OK:
                        for piece in response.iter_bytes():
                            yield from following.take(piece)
                    ended = _received(response, b"" if response.is_success else response.read())
                finally:
                    response.close()
            except httpx2.RequestError as error:
                ended = _lost(error)
            self._sleep(following.lost(ended))

    def drive(self, steps: Steps[Answer]) -> Answer:
        outcome: Outcome = None
        while True:
            try:
                effect = steps.send(outcome)
            except StopIteration as end:
                answer: Answer = end.value
                return answer
            if isinstance(effect, Sleep):
                self._sleep(effect.seconds)
                outcome = None
            else:
                outcome = self._send(effect)

    def _send(self, send: Send) -> Received | Lost:
        request = self._http.build_request(**_arguments(send, FileBody.pieces))
        try:
            response = self._http.send(request, stream=True)
            try:
                if send.request.sink is None or not response.is_success:
                    return _received(response, response.read())
                for piece in response.iter_bytes():
                    send.request.sink(piece)
                return _received(response, b"")
            finally:
                response.close()
        except httpx2.RequestError as error:
            return _lost(error)


def next_link(listing: Listing[Item], link: str | None) -> str | None:
    """The path of the next page. A link that leads to another server is not followed."""
    if link is not None and (not link.startswith("/") or link.startswith("//")):
        raise BadAnswer(f"GET {listing.path}", f"its next page is {link!r}, which is no path")
    return link


def _pieces_async(body: FileBody, boundary: str) -> AsyncIterator[bytes]:
    async def pieces() -> AsyncIterator[bytes]:
        # A disk may be slow, and the event loop is not ours alone.
        source = body.pieces(boundary)
        while (piece := await asyncio.to_thread(next, source, None)) is not None:
            yield piece

    return pieces()


def _arguments(send: Send, pieces: Callable[[FileBody, str], Any]) -> dict[str, Any]:
    """What both sorts of httpx2 client take to build a request."""
    request = send.request
    headers = {"Content-Type": "application/json", **send.headers}
    content: Any = request.body
    if isinstance(request.body, FileBody):
        headers |= request.body.headers(send.boundary)
        content = pieces(request.body, send.boundary)
    return {
        "method": request.method,
        "url": request.path,
        "params": request.query or None,
        "headers": headers,
        "content": content,
        "timeout": httpx2.Timeout(request.answer_seconds, connect=CONNECT_SECONDS),
    }


def _received(response: httpx2.Response, body: bytes) -> Received:
    return Received(response.status_code, response.headers, body)


def _lost(error: httpx2.RequestError) -> Lost:
    return Lost(str(error) or type(error).__name__)
