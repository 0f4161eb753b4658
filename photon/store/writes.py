"""Applies one write-set, inside the transaction that the committer has open.

A write-set that raises may have changed something: the caller rolls back to where it began.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final, assert_never

import msgspec

from photon.store import quota_rows
from photon.store.errors import AlreadyExists, InUse, RequirementFailed, StaleGeneration
from photon.store.pooled import NotTogether, PooledCharges
from photon.store.protocol import (
    Change,
    Charge,
    Delete,
    DropLimits,
    DropQuota,
    E,
    Insert,
    Noun,
    Reap,
    Require,
    RequireNone,
    Revision,
    SetLimits,
    Update,
    Value,
    Write,
)
from photon.store.recent import RecentRows, Row
from photon.store.statements import NounStatements, encode

# SQLite names what clashed in its message only: "UNIQUE constraint failed: vm.project_id, vm.name".
_CLASH: Final = re.compile(r"UNIQUE constraint failed: (.+)")


class Refused(Exception):
    """A write-set cannot be; `reason` says why. `changed`: part of it is done already."""

    def __init__(self, reason: Exception, *, changed: bool) -> None:
        super().__init__()
        self.reason = reason
        self.changed = changed


class Writer:
    """Turns writes into statements on one cursor, in one transaction after the other."""

    def __init__(
        self,
        cursor: sqlite3.Cursor,
        statements: Mapping[Noun[Any], NounStatements[Any]],
        recent: RecentRows,
    ) -> None:
        self._cursor = cursor
        self._statements = statements
        self._recent = recent
        self._charges = PooledCharges(cursor)
        # What this transaction has changed so far, as it is now; None: gone.
        self._changed: dict[tuple[Noun[Any], str], Row | None] = {}
        # Of each noun, the requirements that hold and have been asked for since it last changed.
        self._met: dict[Noun[Any], set[tuple[Value, ...]]] = {}

    def begin(self, *, pooling: bool) -> None:
        """A transaction begins; nothing of what the last one did counts. See `PooledCharges`."""
        self._changed = {}
        self._met = {}
        self._charges.begin(pooling=pooling)

    def settle(self) -> None:
        """The last write-set has been applied. Raises NotTogether."""
        self._charges.settle()

    def mark(self) -> dict[tuple[Noun[Any], str], Row | None]:
        """Where to `go_back` to, when what is applied next is taken back."""
        return dict(self._changed)

    def go_back(self, mark: dict[tuple[Noun[Any], str], Row | None]) -> None:
        self._changed = mark
        self._met = {}  # What held may have rested upon a row that is gone again.

    def committing(self) -> None:
        """From now on others may see what was changed before this process knows that it is so."""
        self._recent.leave(self._changed)

    def committed(self) -> None:
        self._recent.take(self._changed)

    def apply(self, writes: Sequence[Write], revision: Revision) -> list[Change]:
        """What changed, one row each.

        Raises:
            Refused: for the StoreConflict, or whatever else it was, of the first that cannot be.
            NotTogether: for the group, not for this write-set.
        """
        changes: list[Change] = []
        done = 0
        try:
            for write in writes:
                changes += self._apply_one(write, revision)
                done += 1
        except NotTogether:
            raise
        except Exception as error:  # The edge of a write-set: the committer tells its caller.
            raise Refused(error, changed=_may_have_changed(writes, done)) from None
        return changes

    def _apply_one(self, write: Write, revision: Revision) -> Sequence[Change]:
        match write:
            case Require():
                self._require(write)
            case Insert():
                return self._insert(write, revision)
            case Update():
                return self._update(write, revision)
            case Charge():
                self._charges.charge(write)
            case Delete():
                return self._delete(write, revision)
            case RequireNone():
                self._require_none(write)
            case Reap():
                return self._reap(write, revision)
            case SetLimits():
                self._charges.settle()
                quota_rows.set_limits(self._cursor, write)
            case DropLimits():
                self._charges.settle()
                quota_rows.drop_limits(self._cursor, write)
            case DropQuota():
                self._charges.settle()
                quota_rows.drop_quota(self._cursor, write.owner_id)
            case _:
                assert_never(write)
        return ()

    def _insert(self, write: Insert[Any], revision: Revision) -> list[Change]:
        entity, statements = write.entity, self._statements[write.noun]
        assert entity.generation == 0, f"{write.noun} {entity.id} has been stored before"
        stored = msgspec.structs.replace(entity, generation=1)
        row = statements.row(stored)
        values = [entity.id, 1, revision, *row, encode(stored)]
        self._execute(write.noun, statements.insert, values)
        self._changed[write.noun, entity.id] = Row(stored, row)
        return _change(revision, write.noun, entity.id, 1)

    def _update(self, write: Update[Any], revision: Revision) -> list[Change]:
        entity, statements = write.entity, self._statements[write.noun]
        generation = entity.generation + 1
        stored = msgspec.structs.replace(entity, generation=generation)
        row = statements.row(stored)
        template, new = self._updating(write.noun, entity, row)
        sql, where = statements.where(template, write.where)
        values = [generation, revision, *new, encode(stored), entity.id, entity.generation, *where]
        self._execute(write.noun, sql, values)
        if self._cursor.rowcount != 1:
            raise StaleGeneration(write.noun.name, entity.id)
        self._note(write.noun, entity.id, Row(stored, row))
        return _change(revision, write.noun, entity.id, generation)

    def _updating(self, noun: Noun[E], entity: E, row: list[Value]) -> tuple[str, list[Value]]:
        """The statement, and the values of its columns: those that differ, where it is known.

        SQLite writes each index anew of which a column is set, whether it changes or not.
        """
        statements = self._statements[noun]
        key = (noun, entity.id)
        before = None if key in self._changed else self._recent.row(noun, entity.id)
        if before is None or before.entity.generation != entity.generation:
            return statements.update, row
        differ = [at for at, old in enumerate(before.values) if old != row[at]]
        return statements.update_only(tuple(differ)), [row[at] for at in differ]

    def _note(self, noun: Noun[Any], id: str, row: Row | None) -> None:
        self._changed[noun, id] = row
        self._met.pop(noun, None)

    def _delete(self, write: Delete, revision: Revision) -> list[Change]:
        statements = self._statements[write.noun]
        where = {} if write.generation is None else {"generation": write.generation}
        sql, values = statements.where(statements.delete, where)
        self._cursor.execute(sql, (write.id, *values))
        if self._cursor.rowcount != 1:
            raise StaleGeneration(write.noun.name, write.id)
        self._note(write.noun, write.id, None)
        return _change(revision, write.noun, write.id, 0)

    def _require(self, write: Require) -> None:
        """Those who make VMs require the same few rows: each is looked up once a group."""
        met = self._met.setdefault(write.noun, set())
        asked = (write.id, *write.where, *write.where.values())
        if asked in met:
            return
        statements = self._statements[write.noun]
        sql, values = statements.where(statements.exists, write.where)
        if self._cursor.execute(sql, (write.id, *values)).fetchone() is None:
            raise RequirementFailed(write.noun.name, write.id)
        met.add(asked)

    def _require_none(self, write: RequireNone) -> None:
        statements = self._statements[write.noun]
        sql, values = statements.where(statements.count_some, write.where)
        (count,) = self._cursor.execute(sql, values).fetchone()
        if count:
            raise InUse(write.noun.name, count)

    def _reap(self, write: Reap, revision: Revision) -> list[Change]:
        statements = self._statements[write.noun]
        sql, values = statements.where(statements.delete, write.where)
        for noun, where in write.unless:
            others = self._statements[noun]
            none, more = others.where(others.none, where)
            sql += f" AND {none}"
            values += more
        self._cursor.execute(sql, (write.id, *values))
        if self._cursor.rowcount != 1:
            return []
        self._note(write.noun, write.id, None)
        return _change(revision, write.noun, write.id, 0)

    def _execute(self, noun: Noun[Any], sql: str, values: list[Value]) -> None:
        try:
            self._cursor.execute(sql, values)
        except sqlite3.IntegrityError as error:
            clash = _CLASH.fullmatch(str(error))
            if clash is None:
                raise
            columns = tuple(name.split(".")[1] for name in clash[1].split(", "))
            raise AlreadyExists(noun.name, columns) from error


def _change(revision: Revision, noun: Noun[Any], id: str, generation: int) -> list[Change]:
    return [Change(revision, noun.name, id, generation)] if noun.in_feed else []


def _may_have_changed(writes: Sequence[Write], done: int) -> bool:
    """Whether a write-set of which `done` writes succeeded, and the next did not, left traces.

    A statement that fails leaves none; some writes are several statements.
    """
    refused = writes[done]
    if isinstance(refused, SetLimits):
        return True
    if isinstance(refused, Charge) and not quota_rows.is_one_statement(refused):
        return True
    return not all(isinstance(write, Require | RequireNone) for write in writes[:done])
