"""The servers that a store's URL names, and the first of them that may be used."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:  # who only checks a URL needs no driver
    from photon.store.postgres.driver import Connection

# So long is one server waited for before the next one is asked beside it: a server that is well
# answers in some ten milliseconds, and one that is frozen or cut off would never.
STAGGER_SECONDS: Final = 0.25
PLACES_MAX: Final = 16  # Patroni's largest clusters have five members.


@dataclass(frozen=True, slots=True)
class Place:
    """`host` is a name, an address, or a socket's folder; `port` None the usual one."""

    host: str
    port: int | None

    def __str__(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"


class NoneTakesWrites(ConnectionError):
    """Each server was asked. Why each one was not it, in the order of the URL."""

    def __init__(self, errors: Sequence[tuple[Place, BaseException]]) -> None:
        told = "; ".join(f"{place}: {error or type(error).__name__}" for place, error in errors)
        super().__init__(f"no server takes writes now: {told}")
        self.errors = [error for _, error in errors]


def places_of(url: str) -> list[Place]:
    """The servers between user and database, postgresql://USER@HOST:PORT,HOST:PORT/DATABASE.

    None when they are named by parameters, as a socket's folder may be.

    Raises:
        ValueError: what is there is no list of servers.
    """
    listed = urlsplit(url).netloc.rpartition("@")[2]
    if not listed:
        return []
    places = [_place(each) for each in listed.split(",")]
    if len(places) > PLACES_MAX:
        raise ValueError(f"{len(places)} servers; a store has {PLACES_MAX} at most")
    return places


def _place(text: str) -> Place:
    if text.startswith("["):  # an IPv6 address
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = text.partition(":")
    if not host or (port and not (port.isdecimal() and 0 < int(port) < 1 << 16)):
        raise ValueError(f"{text!r} is not HOST or HOST:PORT")
    return Place(unquote(host), int(port) if port else None)


async def first_of(
    places: Sequence[Place], connect: Callable[[Place], Awaitable[Connection]]
) -> Connection:
    """The first connection that succeeds, asked for in this order, and soon beside each other.

    Raises:
        NoneTakesWrites: none did.
    """
    waiting, errors = list(places), dict[Place, BaseException]()
    asked: dict[asyncio.Future[Connection], Place] = {}
    try:
        while waiting or asked:
            if waiting:
                place = waiting.pop(0)
                asked[asyncio.ensure_future(connect(place))] = place
            done, _ = await asyncio.wait(
                asked,
                timeout=STAGGER_SECONDS if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for each in done:
                error = each.exception()
                if error is None:
                    del asked[each]
                    return each.result()
                errors[asked.pop(each)] = error
        raise NoneTakesWrites([(place, errors[place]) for place in places])
    finally:
        for each in asked:
            each.cancel()
        for late in await asyncio.gather(*asked, return_exceptions=True):
            if not isinstance(late, BaseException):
                late.terminate()
