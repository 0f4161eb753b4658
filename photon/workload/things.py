"""What clients have asked for: each thing with its life, and what of it can change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from photon.workload.facts import Cell, Life, Span

Cost = Mapping[str, float]  # by key, in whole bytes or counts
Names = tuple[str, ...]

POWER_STATES: Final = frozenset({"STARTED", "STOPPED", "SUSPENDED"})


class Use:
    """One operation's use of a thing. `alone`: no other was under way at the same time."""

    __slots__ = ("alone",)

    def __init__(self) -> None:
        self.alone = True


@dataclass(slots=True, eq=False, kw_only=True)
class Thing:
    """`id` is empty until an answer has told it; `asked` repeats the request that made it.

    `doubts` counts operations of which nobody knows how they ended, or whether they have.
    """

    name: str
    life: Life
    id: str = ""
    asked: tuple[str, object, str] | None = None  # path, body, key
    uses: list[Use] = field(default_factory=list)
    doubts: int = 0

    @property
    def is_idle(self) -> bool:
        return not self.uses and not self.doubts and self.life.is_usable


@dataclass(slots=True, eq=False, kw_only=True)
class Tenant(Thing):
    """`limits` as a project's. `groups` are its own security groups."""

    limits: dict[str, Cell[float]] = field(default_factory=dict)
    groups: Cell[Names] = field(default_factory=lambda: Cell(()))
    groups_asked: set[str] = field(default_factory=set)


@dataclass(slots=True, eq=False, kw_only=True)
class Project(Thing):
    """`limits` by key, in whole bytes or counts; infinity where there is none."""

    tenant: Tenant
    limits: dict[str, Cell[float]] = field(default_factory=dict)
    groups: Cell[Names] = field(default_factory=lambda: Cell(()))
    strays: bool = False  # An upload that broke off may have left it an image in ERROR.
    strategy: Cell[str] = field(default_factory=lambda: Cell("SPREAD"))


@dataclass(slots=True, eq=False, kw_only=True)
class Flavor(Thing):
    kind: str
    cost: Cost


@dataclass(slots=True, eq=False, kw_only=True)
class Image(Thing):
    """`project`: its own image; None: everybody's."""

    state: Cell[str]
    project: Project | None = None


@dataclass(slots=True, eq=False, kw_only=True)
class Subnet(Thing):
    """`name` is the one that it was made with."""

    names: Cell[str]
    port_groups: Cell[Names]


@dataclass(slots=True, eq=False, kw_only=True)
class Zone(Thing):
    pass


@dataclass(slots=True, eq=False, kw_only=True)
class Host(Thing):
    """Named by its address."""

    state: Cell[str]
    zone: Cell[str]


@dataclass(slots=True, eq=False, kw_only=True)
class Vm(Thing):
    """`host` is the address that it was first shown on: there it stays. `zone` is the one that it
    must be in, if any. `on_default`: it is on the subnet that was the default, whichever it was."""

    project: Project
    cost: Cost
    flavors: tuple[Flavor, ...]
    image: Image
    subnets: tuple[Subnet, ...]
    state: Cell[str]
    metadata: Cell[str]  # as JSON
    tags: set[str] = field(default_factory=set)  # acknowledged
    tags_asked: set[str] = field(default_factory=set)
    host: str = ""
    zone: Zone | None = None
    on_default: bool = False


@dataclass(slots=True, eq=False, kw_only=True)
class Disk(Thing):
    """`vm` is the id of the VM that it is attached to, or empty."""

    project: Project
    cost: Cost
    flavor: Flavor
    state: Cell[str]
    vm: Cell[str]


T = TypeVar("T", bound=Thing)


class Shelf(Generic[T]):
    """All things of one sort, those that are gone among them.

    `strangers`: others have such things in the same cloud, of which clients know nothing.
    """

    def __init__(self, noun: str, *, strangers: bool = False) -> None:
        self.noun = noun
        self.strangers = strangers
        self._all: list[T] = []
        self.by_id: dict[str, T] = {}

    def __iter__(self) -> Iterator[T]:
        return iter(self._all)

    def ask(self, thing: T) -> None:
        """Somebody asks for it."""
        self._all.append(thing)

    def made(self, thing: T, id: str, span: Span) -> None:
        """An answer says that it is there."""
        thing.id = id
        thing.life.made = min(thing.life.made, span.end)
        self.by_id[id] = thing

    def refused(self, thing: T) -> None:
        """It never was, and never will be."""
        self._all.remove(thing)
