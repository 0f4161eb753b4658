"""Pages of a list, by key (contract, 1.1).

A page link carries the filters and the key it goes on from, so that a page stays right whatever is
written meanwhile. It is the route's path with one opaque parameter.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from photon.api.plane import Plane
from photon.api.route import Call
from photon.domain.error_catalogue import InvalidPageSize, PageExpired
from photon.store.protocol import Entity, Noun, Value, Where
from photon.wire.v1.basics import ResourceList

PAGE_SIZE_MIN: Final = 1
PAGE_SIZE_MAX: Final = 100  # The contract's; a page costs the same wherever it lies.
PAGE_LINK_LENGTH_MAX: Final = 4096

Filters = Mapping[str, str | None]
E = TypeVar("E", bound=Entity)
View = TypeVar("View")


class _Paged(Protocol):
    page_size: str | None
    page_link: str | None


class _Link(msgspec.Struct, array_like=True):
    path: str
    size: int
    after: str | None
    before: str | None
    filters: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class PageAsked:
    size: int
    filters: Filters
    after: str | None = None
    before: str | None = None


_decoder: Final = msgspec.json.Decoder(_Link)


def page_asked(call: Call[Any, Any], filters: Filters) -> PageAsked:
    """What the query asks for. With a page link, the link's own filters count.

    Raises:
        InvalidPageSize: not a number from 1 to 100.
        PageExpired: the link is not one of this list's.
    """
    query: _Paged = call.query
    if query.page_link is not None:
        link = _opened(query.page_link, _path(call))
        if not set(link.filters) <= set(filters):
            raise PageExpired(query.page_link[:64])
        return PageAsked(link.size, link.filters, link.after, link.before)
    return PageAsked(_size(query.page_size), filters)


def _size(text: str | None) -> int:
    if text is None:
        return PAGE_SIZE_MAX
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if not PAGE_SIZE_MIN <= size <= PAGE_SIZE_MAX:
        raise InvalidPageSize(text[:32], PAGE_SIZE_MIN, PAGE_SIZE_MAX)
    return size


def _path(call: Call[Any, Any]) -> str:
    path = call.route_path
    for name, value in call.path.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def _opened(text: str, path: str) -> _Link:
    if len(text) > PAGE_LINK_LENGTH_MAX:
        raise PageExpired(text[:64])
    try:
        link = _decoder.decode(base64.urlsafe_b64decode(text.encode() + b"=="))
    except (msgspec.DecodeError, binascii.Error, ValueError):
        raise PageExpired(text[:64]) from None
    one_way = link.after is None or link.before is None
    if link.path != path or not one_way or not PAGE_SIZE_MIN <= link.size <= PAGE_SIZE_MAX:
        raise PageExpired(text[:64])
    return link


@dataclass(frozen=True, slots=True)
class Listing(Generic[E, View]):
    """Rows of `noun`, each as `view` shows it, or several at a time as `views` does.

    `also` names nouns whose rows have the ids of those that they are about: a change of one changes
    a view.

    `within` is what the path says and always holds; `filters` are what the query may say, None
    where it does not.
    """

    noun: Noun[E]
    view: Callable[[E, str], View] | None = None
    within: Where = field(default_factory=dict)
    filters: Filters = field(default_factory=dict)
    views: Callable[[Sequence[E], str], Awaitable[list[View]]] | None = None
    also: tuple[str, ...] = ()

    @property
    def where(self) -> dict[str, Value]:
        """What holds for each row of the list."""
        said = {name: value for name, value in self.filters.items() if value is not None}
        return {**said, **self.within}

    async def shown(self, rows: Sequence[E], base: str) -> list[View]:
        if self.views is not None:
            return await self.views(rows, base)
        assert self.view is not None, "one of the two is given"
        return [self.view(row, base) for row in rows]


async def list_page(
    plane: Plane, call: Call[Any, Any], listing: Listing[E, View]
) -> ResourceList[View]:
    """One page of the rows that match."""
    asked = page_asked(call, listing.filters)
    said = {name: value for name, value in asked.filters.items() if value is not None}
    page = await plane.store.page(
        listing.noun,
        {**said, **listing.within},
        limit=asked.size,
        after=asked.after,
        before=asked.before,
    )
    items = page.items
    call.revision = page.revision
    answer: ResourceList[View] = ResourceList(await listing.shown(items, call.base))
    if not items:
        return answer
    path = _path(call)
    backwards = asked.before is not None
    if backwards or page.more:
        answer.next_page_link = _link(path, asked, after=items[-1].id)
    if page.more if backwards else asked.after is not None:
        answer.previous_page_link = _link(path, asked, before=items[0].id)
    return answer


def list_of(
    call: Call[Any, Any], items: Sequence[View], key: Callable[[View], str]
) -> ResourceList[View]:
    """One page of what is not in the store and is small: `items` in their order, all of them."""
    asked = page_asked(call, {})
    keys = [key(item) for item in items]
    start, end = 0, asked.size
    if asked.after is not None or asked.before is not None:
        try:
            if asked.after is not None:
                start = keys.index(asked.after) + 1
                end = start + asked.size
            else:
                end = keys.index(asked.before or "")
                start = max(end - asked.size, 0)
        except ValueError:
            raise PageExpired("the node that the page began with is gone") from None
    answer: ResourceList[View] = ResourceList(list(items[start:end]))
    if items[start:end]:
        if end < len(items):
            answer.next_page_link = _link(_path(call), asked, after=keys[end - 1])
        if start:
            answer.previous_page_link = _link(_path(call), asked, before=keys[start])
    return answer


def _link(
    path: str, asked: PageAsked, *, after: str | None = None, before: str | None = None
) -> str:
    link = _Link(path, asked.size, after, before, dict(asked.filters))
    opaque = base64.urlsafe_b64encode(msgspec.json.encode(link)).rstrip(b"=").decode()
    return f"{path}?pageLink={opaque}"
