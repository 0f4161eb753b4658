"""What a route is: one row of the table from which the edge and OpenAPI are made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, Protocol, TypeVar

import msgspec

from photon.api.plane import Plane
from photon.api.principal import Principal, Role

API_VERSION: Final = "1.0"  # In every release (contract, 11.12).
REVISION_HEADER: Final = "photon-revision"  # on lists: watched from there on, nothing is missed
LINE: Final = "photon.line"  # the ASGI extension that holds a request's `Line`

Query = TypeVar("Query")
Body = TypeVar("Body")


class Tag(StrEnum):
    """The chapters of the reference."""

    SYSTEM = "System"
    INFRASTRUCTURE = "Infrastructure"
    ZONES = "Availability zones"
    TENANTS = "Tenants"
    PROJECTS = "Projects"
    QUOTA = "Quota"
    FLAVORS = "Flavors"
    IMAGES = "Images"
    VMS = "VMs"
    DISKS = "Disks"
    SUBNETS = "Subnets"
    TASKS = "Tasks"


class Gate(StrEnum):
    """What a paused system does with a route."""

    READ = "read"  # always served
    CHANGE = "change"  # refused while the system is paused
    RESUME = "resume"  # changes, and is served all the same


class NoQuery(msgspec.Struct):
    """The route has no query parameters; unknown ones are ignored."""


class PageQuery(msgspec.Struct, rename="camel"):
    """Paging (contract, 1.1). Text here: what is wrong with it has a code of its own."""

    page_size: str | None = None
    page_link: str | None = None


class WatchedQuery(PageQuery):
    """A list that can be watched: `since` is a revision, or the id of an event (see `watching`)."""

    watch: bool = False
    since: str | None = None


class NamedQuery(WatchedQuery):
    name: str | None = None


class StateQuery(WatchedQuery):
    state: str | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """`id` names the principal, the route and the key; `body_hash` what was asked with it."""

    key: str
    id: str
    body_hash: str


@dataclass(slots=True)
class Call(Generic[Query, Body]):
    """One request, parsed and checked. `base` is the URI that self links begin with."""

    path: dict[str, str]
    query: Query
    body: Body
    principal: Principal
    request_id: str
    base: str
    route_path: str
    status: int = 200
    idempotency: IdempotencyKey | None = None
    chunks: Any = None  # an upload's body: an async iterator of bytes
    content_type: str = ""
    content_length: int | None = None  # of an upload's body, where the client says it
    last_event_id: str | None = None  # where a watcher goes on that was cut off
    line: Line | None = None  # what the request came on, where that is known
    revision: int | None = None  # the answer is as of this one

    @property
    def id(self) -> str:
        """The `{id}` of the path."""
        return self.path["id"]


class Line(Protocol):
    """The connection of a request whose answer is a stream."""

    def abort(self) -> None:
        """Cuts it at once; what was not yet sent is forgotten."""
        ...

    def when_lost(self, call: Callable[[], None]) -> None:
        """`call` is made when the connection ends; it takes the place of the one before."""
        ...


Handler = Callable[[Plane, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """`answer` None is a body that the handler streams itself (a `Download`)."""

    method: str
    path: str
    handler: Handler
    answer: Any
    tag: Tag
    summary: str
    role: Role = Role.USER
    status: int = 200
    body: Any = None
    body_optional: bool = False
    query: type[Any] = NoQuery
    gate: Gate = Gate.READ
    errors: tuple[int, ...] = ()
    upload: bool = False
    downloads: bool = False
    others: tuple[tuple[int, Any], ...] = ()  # statuses of other good answers, and their bodies
    repeat: bool = True  # may be run again when somebody else was quicker
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def operation_id(self) -> str:
        return self.handler.__name__

    @property
    def watches(self) -> bool:
        """Whether its list can be watched."""
        return issubclass(self.query, WatchedQuery)

    @property
    def owner(self) -> str:
        """The noun whose id the path names, by which PROJ and TEN roles are decided."""
        parts = self.path.split("/")
        return parts[2] if len(parts) > 2 else ""
