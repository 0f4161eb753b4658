"""A group of write-sets, put down as the arrays that the session's function reads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, assert_never

import msgspec

from photon.domain.quota import Amount, total
from photon.store.postgres.apply import Kind
from photon.store.postgres.shapes import Shape
from photon.store.protocol import (
    Change,
    Charge,
    Delete,
    DropLimits,
    DropQuota,
    Insert,
    Noun,
    Reap,
    Require,
    RequireNone,
    Revision,
    SetLimits,
    Update,
    Where,
    Write,
)
from photon.store.statements import encode

GAP_MAX: Final = 500  # Revisions of others that come along with an answer; more are read in pages.

_NOT_IN_FEED = None
_IF_REAPED = -1
_NO_NOUN = 0


@dataclass(slots=True)
class Waiting:
    """A write-set, who waits for it, and until when it may be tried."""

    writes: Sequence[Write]
    told: asyncio.Future[Revision]
    until: float


@dataclass(slots=True)
class Arrays:
    """Side by side: one element a write, but for `texts` and the amounts. Places count from 1."""

    sets: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    nouns: list[int] = field(default_factory=list)
    ids: list[str | None] = field(default_factory=list)
    gens: list[int] = field(default_factory=list)
    conds: list[int] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    docs: list[bytes | None] = field(default_factory=list)
    changed: list[int | None] = field(default_factory=list)
    texts: list[str | None] = field(default_factory=list)
    charge_sets: list[int | None] = field(default_factory=list)
    owners: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    bases: list[float] = field(default_factory=list)

    def lengths(self) -> list[int]:
        return [len(getattr(self, name)) for name in self.__slots__]

    def cut(self, lengths: Sequence[int]) -> None:
        for name, length in zip(self.__slots__, lengths, strict=True):
            del getattr(self, name)[length:]


class Group:
    """`add` write-sets, then send `arrays`."""

    def __init__(self, shapes: Mapping[Noun[Any], Shape[Any]]) -> None:
        self._shapes = shapes
        self.waiting: list[Waiting] = []
        self.arrays = Arrays()
        self.first: list[int] = [1]
        self.each = False  # Limits are changed among the charges: their order matters.
        self.bytes = 0
        self._writes: list[Write] = []

    def add(self, waiting: Waiting) -> None:
        """Raises whatever is wrong with the write-set; the group is then as it was."""
        before, each = self.arrays.lengths(), self.each
        number = len(self.waiting) + 1
        try:
            for write in waiting.writes:
                self._put(write, number)
        except BaseException:
            self.arrays.cut(before)
            self.each = each
            del self._writes[len(self.arrays.kinds) :]
            raise
        self.waiting.append(waiting)
        self.first.append(len(self.arrays.kinds) + 1)

    def write(self, place: int) -> Write:
        """The write that the server calls by this number."""
        return self._writes[place - 1]

    def changes(self, number: int, revision: Revision, reaped: frozenset[int]) -> list[Change]:
        """What write-set `number` changed, once it has its revision."""
        arrays, changes = self.arrays, []
        for n in range(self.first[number - 1] - 1, self.first[number] - 1):
            generation = arrays.changed[n]
            if generation is None or (generation == _IF_REAPED and n + 1 not in reaped):
                continue
            write: Any = self._writes[n]
            id = arrays.ids[n] or ""
            changes.append(Change(revision, write.noun.name, id, max(generation, 0)))
        return changes

    def _put(self, write: Write, number: int) -> None:
        match write:
            case Require():
                self._row(Kind.REQUIRE, write, number, write.id, write.where)
            case Insert():
                self._insert(write, number)
            case Update():
                self._update(write, number)
            case Charge():
                amounts = _summed(write.amounts)
                self._op(Kind.CHARGE, write, number, write.owner_id, len(amounts))
                self._amounts(write.owner_id, amounts, number)
            case Delete():
                where = {} if write.generation is None else {"generation": write.generation}
                self._row(Kind.DELETE, write, number, write.id, where)
                self._changes_to(write.noun, 0)
            case RequireNone():
                sql, values = self._shapes[write.noun].count_some(write.where)
                self._op(Kind.REQUIRE_NONE, write, number, None, len(values))
                self.arrays.texts += (sql, *values)
            case Reap():
                self._reap(write, number)
            case SetLimits():
                self.each = True
                if write.replace:
                    self._op(Kind.UNLIMIT_ALL, write, number, write.owner_id)
                self._op(Kind.SET_LIMITS, write, number, write.owner_id, len(write.limits))
                self._amounts(write.owner_id, write.limits, None)
            case DropLimits():
                self.each = True
                self._op(Kind.DROP_LIMITS, write, number, write.owner_id, len(write.keys))
                self.arrays.texts += write.keys
            case DropQuota():
                self.each = True
                self._op(Kind.DROP_QUOTA, write, number, write.owner_id)
            case _:
                assert_never(write)

    def _insert(self, write: Insert[Any], number: int) -> None:
        entity, shape = write.entity, self._shapes[write.noun]
        assert entity.generation == 0, f"{write.noun} {entity.id} has been stored before"
        self._op(Kind.INSERT, write, number, entity.id)
        self.arrays.nouns[-1] = shape.number
        stored = msgspec.structs.replace(entity, generation=1)
        self._document(shape, stored)
        self._changes_to(write.noun, 1)

    def _update(self, write: Update[Any], number: int) -> None:
        entity = write.entity
        self._row(Kind.UPDATE, write, number, entity.id, write.where, entity.generation)
        stored = msgspec.structs.replace(entity, generation=entity.generation + 1)
        self._document(self._shapes[write.noun], stored)
        self._changes_to(write.noun, stored.generation)

    def _reap(self, write: Reap, number: int) -> None:
        sql: list[str] = []
        values: list[str | None] = []
        for noun, where in write.unless:
            term, more = self._shapes[noun].none(where, len(values) + 1)
            sql.append(term)
            values += more
        # -1: nothing to look for.
        self._row(Kind.REAP, write, number, write.id, write.where, len(values) if sql else -1)
        if sql:
            self.arrays.texts += ("SELECT " + " AND ".join(sql), *values)
        self._changes_to(write.noun, _IF_REAPED)

    def _row(  # noqa: PLR0913  # what a write on a row has
        self, kind: Kind, write: Any, number: int, id: str, where: Where, gen: int = 0
    ) -> None:
        self._op(kind, write, number, id, gen)
        shape = self._shapes[write.noun]
        self.arrays.nouns[-1] = shape.number
        if where:
            self.arrays.conds[-1] = len(where)
            self.arrays.texts += shape.conditions(where)

    def _op(self, kind: Kind, write: Write, number: int, id: str | None, gen: int = 0) -> None:
        arrays = self.arrays
        self._writes.append(write)
        arrays.sets.append(number)
        arrays.kinds.append(kind)
        arrays.nouns.append(_NO_NOUN)
        arrays.ids.append(id)
        arrays.gens.append(gen)
        arrays.conds.append(0)
        of_amounts = kind is Kind.CHARGE or kind is Kind.SET_LIMITS
        arrays.at.append(1 + len(arrays.keys if of_amounts else arrays.texts))
        arrays.docs.append(None)
        arrays.changed.append(_NOT_IN_FEED)

    def _document(self, shape: Shape[Any], stored: Any) -> None:
        document = encode(stored)
        self.bytes += len(document)
        self.arrays.docs[-1] = document
        self.arrays.texts += [write(stored) for write in shape.writers]

    def _changes_to(self, noun: Noun[Any], generation: int) -> None:
        if noun.in_feed:
            self.arrays.changed[-1] = generation

    def _amounts(self, owner_id: str, amounts: Sequence[Amount], number: int | None) -> None:
        arrays = self.arrays
        for amount in amounts:
            arrays.charge_sets.append(number)
            arrays.owners.append(owner_id)
            arrays.keys.append(amount.key)
            arrays.units.append(amount.unit)
            arrays.bases.append(amount.base)


def _summed(amounts: Sequence[Amount]) -> Sequence[Amount]:
    """One amount a key: a statement may touch a row only once."""
    if len({amount.key for amount in amounts}) == len(amounts):
        return amounts
    return total([amounts])
