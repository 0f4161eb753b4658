"""CloudStore: the single source of truth, as everything above it sees it.

A *noun* is one table of entities. A change is a **write-set**: a few conditional writes that happen
together or not at all, made durable with those of others in one physical commit. Nothing is read
inside a write-set; what was decided from a read is named as a condition (the generation that was
read, `Require`, `RequireNone`), and a condition that no longer holds raises and changes nothing.

Each committed write-set has a `Revision`: one total order that readers may rely on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, NewType, Protocol, TypeVar

import msgspec

from photon.domain.quota import Amount

Revision = NewType("Revision", int)
Value = str | int | float | bool | None

PAGE_SIZE_MAX: Final = 500  # Reading so many entities holds up everybody else for 5 ms at most.
IN_USE_COUNT_MAX: Final = 100  # "100 or more" tells a person as much as the exact number.
WRITE_SETS_QUEUED_MAX: Final = 4_096  # Half a second's work: who comes later should not wait.
WRITES_A_SET_MAX: Final = 1_000  # A write-set runs in one go; so many take about 20 ms.


class Entity(Protocol):
    """What every stored thing has. `generation` is 0 until it is stored, then 1, 2, 3, ..."""

    @property
    def id(self) -> str: ...
    @property
    def generation(self) -> int: ...


E = TypeVar("E", bound=Entity)
E_co = TypeVar("E_co", bound=Entity, covariant=True)


@dataclass(frozen=True, slots=True, eq=False)
class Noun(Generic[E]):
    """A table of entities: `columns` are what is filtered, joined or constrained by.

    The whole entity is kept as one JSON document beside its columns, which are derived from it.
    `types` names the columns that are not text. A unique key with a None in it never clashes. Each
    of `indexes` is continued by the id, so that a list that names its columns needs no sort.
    """

    name: str
    entity: type[E]
    columns: Mapping[str, Callable[[E], Value]]
    unique: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()
    types: Mapping[str, type[str | int | float | bool]] = field(default_factory=dict)
    in_feed: bool = True  # whether the change feed tells of its rows

    def __repr__(self) -> str:
        return f"Noun({self.name})"


# Column = value, all of them; None means SQL's IS NULL. `id` and `generation` are columns too.
Where = Mapping[str, Value]


class Insert(msgspec.Struct, Generic[E], frozen=True):
    """Stores `entity`, whose generation is 0, at generation 1.

    Raises AlreadyExists, with the columns that clash, when the id or a unique key is taken.
    """

    noun: Noun[E]
    entity: E


class Update(msgspec.Struct, Generic[E], frozen=True):
    """Replaces the row whose generation is still `entity.generation`; it then has one more.

    `where` adds conditions on the stored row, such as a task's owner and epoch.

    Raises StaleGeneration when there is no such row, AlreadyExists when a unique key is taken.
    """

    noun: Noun[E]
    entity: E
    where: Where = msgspec.field(default_factory=dict)


class Delete(msgspec.Struct, frozen=True):
    """Removes the row, if it is at `generation` (None: at any). Raises StaleGeneration if not."""

    noun: Noun[Any]
    id: str
    generation: int | None = None


class Require(msgspec.Struct, frozen=True):
    """The row exists and matches `where`; else RequirementFailed. It cannot change meanwhile."""

    noun: Noun[Any]
    id: str
    where: Where = msgspec.field(default_factory=dict)


class RequireNone(msgspec.Struct, frozen=True):
    """No row of the noun matches `where`; else InUse with their count, IN_USE_COUNT_MAX at most."""

    noun: Noun[Any]
    where: Where


class Reap(msgspec.Struct, frozen=True):
    """Deletes the row if it matches `where` and no row of `unless` is left; otherwise does nothing.

    This is how what is PENDING_DELETE vanishes with its last user, in the user's own write-set.
    """

    noun: Noun[Any]
    id: str
    where: Where
    unless: tuple[tuple[Noun[Any], Where], ...]


class Charge(msgspec.Struct, frozen=True):
    """Adds `amounts` to the usage of `owner_id`'s quota; negative ones give back.

    A key with a limit is checked in SQL (usage + amount <= limit), never read-modify-write; giving
    back is never refused. A key that nobody limits is tracked all the same.

    Raises QuotaExceeded for the first key, in the order given, that has no room.
    """

    owner_id: str
    amounts: tuple[Amount, ...]


class SetLimits(msgspec.Struct, frozen=True):
    """Sets limits of `owner_id`'s quota. With `replace`, every other key loses its limit.

    Raises QuotaExceeded when a limit is below what is used already.
    """

    owner_id: str
    limits: tuple[Amount, ...]
    replace: bool = False


class DropLimits(msgspec.Struct, frozen=True):
    """The keys are no longer limited (their usage is still tracked)."""

    owner_id: str
    keys: tuple[str, ...]


class DropQuota(msgspec.Struct, frozen=True):
    """Forgets all of an owner's keys; for an owner that is deleted in the same write-set."""

    owner_id: str


Write = (
    Insert[Any]
    | Update[Any]
    | Delete
    | Require
    | RequireNone
    | Reap
    | Charge
    | SetLimits
    | DropLimits
    | DropQuota
)


class Page(msgspec.Struct, Generic[E_co], frozen=True):
    """`items` in id order. `more` says that others follow in the direction that was asked."""

    items: list[E_co]
    more: bool
    revision: Revision


class Change(msgspec.Struct, frozen=True):
    """One row that a committed write-set changed. `generation` 0 means deleted."""

    revision: Revision
    noun: str
    id: str
    generation: int


class QuotaRow(msgspec.Struct, frozen=True):
    """One key of one owner's quota, in base units (B or COUNT); `limit` None: not limited."""

    key: str
    limit: float | None
    usage: float
    unit: str


class CloudStore(Protocol):
    """Implementations: SQLite (one controller), PostgreSQL (many). One contract suite."""

    async def commit(self, writes: Sequence[Write]) -> Revision:
        """Makes all of `writes` durable, or raises and changes nothing.

        Writes are applied in the order given. When this has returned, every later read sees them.

        Raises:
            StoreConflict: one of its kinds (photon.store.errors): a condition does not hold.
            StoreBusy: the queue of write-sets is full (WRITE_SETS_QUEUED_MAX).
            StoreUnavailable: it could not be made durable; nothing of it will be seen, unless the
                machine fails before the next commit.
        """
        ...

    async def find(self, noun: Noun[E], id: str) -> E | None: ...

    async def find_many(self, noun: Noun[E], ids: Sequence[str]) -> list[E]:
        """Those that exist, in the order of `ids` (at most PAGE_SIZE_MAX)."""
        ...

    async def page(
        self,
        noun: Noun[E],
        where: Where,
        *,
        limit: int,
        after: str | None = None,
        before: str | None = None,
    ) -> Page[E]:
        """Rows that match, by id: the first `limit` after `after`, or the last before `before`."""
        ...

    async def count(self, noun: Noun[Any], where: Where) -> int: ...

    async def sum(self, noun: Noun[Any], column: str, by: str, where: Where) -> dict[str, float]:
        """The total of `column` for each value of `by`; for rebuilding books, not for requests."""
        ...

    async def quota(self, owner_id: str) -> list[QuotaRow]:
        """Every key the owner's quota knows, sorted by key."""
        ...

    async def changes(self, since: Revision, *, limit: int) -> list[Change]:
        """What changed after `since`, in order; raises FeedTrimmed when that is too long ago.

        At most about `limit`: the changes of one revision are never divided between two answers.
        """
        ...

    async def revision(self) -> Revision:
        """The newest revision that a reader can see."""
        ...

    def subscribe(self, listener: Callable[[Sequence[Change]], None]) -> Callable[[], None]:
        """Calls `listener` after each commit that this process can see; returns how to stop it.

        It is called on the event loop, in revision order, before any `commit` that it tells of
        returns. It must be quick; what it raises is logged and hurts nobody.
        """
        ...

    def when_lost(self, call: Callable[[], None]) -> None:
        """`call` is told once when this process can use the store no more (StoreLost).

        Its reason is logged. An embedded store is never lost so.
        """
        ...

    async def close(self) -> None:
        """Finishes the write-sets that wait, then lets go of everything."""
        ...
