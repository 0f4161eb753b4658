"""A CloudStore as plain dicts: what the real ones are compared with, write-set by write-set."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import msgspec

from photon.store.errors import (
    AlreadyExists,
    InUse,
    QuotaExceeded,
    RequirementFailed,
    StaleGeneration,
    StoreConflict,
)
from photon.store.protocol import (
    Charge,
    Delete,
    DropLimits,
    DropQuota,
    Insert,
    Noun,
    QuotaRow,
    Reap,
    Require,
    RequireNone,
    SetLimits,
    Update,
    Where,
    Write,
)


@dataclass
class Model:
    """`changes` are (revision, noun, id, generation)."""

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    quota: dict[str, dict[str, QuotaRow]] = field(default_factory=dict)
    revision: int = 0
    changes: list[tuple[int, str, str, int]] = field(default_factory=list)

    def try_commit(self, writes: list[Write]) -> tuple[int | StoreConflict, Model]:
        """What the store must answer, and the model after that."""
        after = copy.deepcopy(self)
        after.revision += 1
        try:
            for write in writes:
                after._apply(write)
        except StoreConflict as refusal:
            return refusal, self
        return after.revision, after

    def table(self, noun: Noun[Any]) -> dict[str, Any]:
        return self.rows.setdefault(noun.name, {})

    def matching(self, noun: Noun[Any], where: Where) -> list[str]:
        return sorted(
            id
            for id, entity in self.table(noun).items()
            if all(_column(noun, entity, name) == value for name, value in where.items())
        )

    def _apply(self, write: Write) -> None:
        match write:
            case Insert(noun, entity):
                if entity.id in self.table(noun):
                    raise AlreadyExists(noun.name, ("id",))
                self._put(noun, msgspec.structs.replace(entity, generation=1))
            case Update(noun, entity, where):
                old = self.table(noun).get(entity.id)
                fits = entity.id in self.matching(noun, where)
                if old is None or old.generation != entity.generation or not fits:
                    raise StaleGeneration(noun.name, entity.id)
                more = entity.generation + 1
                self._put(noun, msgspec.structs.replace(entity, generation=more))
            case Delete(noun, id, generation):
                old = self.table(noun).get(id)
                if old is None or generation not in (None, old.generation):
                    raise StaleGeneration(noun.name, id)
                self._remove(noun, id)
            case Require(noun, id, where):
                if id not in self.matching(noun, where):
                    raise RequirementFailed(noun.name, id)
            case RequireNone(noun, where):
                if found := self.matching(noun, where):
                    raise InUse(noun.name, len(found))
            case Reap(noun, id, where, unless):
                left = any(self.matching(other, others) for other, others in unless)
                if id in self.matching(noun, where) and not left:
                    self._remove(noun, id)
            case _:
                self._apply_quota(write)

    def _put(self, noun: Noun[Any], entity: Any) -> None:
        for key in noun.unique:
            values = [_column(noun, entity, name) for name in key]
            same = dict(zip(key, values, strict=True))
            if None not in values and set(self.matching(noun, same)) - {entity.id}:
                raise AlreadyExists(noun.name, key)
        self.table(noun)[entity.id] = entity
        self._change(noun, entity.id, entity.generation)

    def _remove(self, noun: Noun[Any], id: str) -> None:
        del self.table(noun)[id]
        self._change(noun, id, 0)

    def _change(self, noun: Noun[Any], id: str, generation: int) -> None:
        if noun.in_feed:
            self.changes.append((self.revision, noun.name, id, generation))

    def _apply_quota(self, write: Write) -> None:
        match write:
            case Charge(owner, amounts):
                rows = self.quota.setdefault(owner, {})
                for amount in amounts:
                    row = rows.get(amount.key, QuotaRow(amount.key, None, 0, amount.unit))
                    usage = round(row.usage + amount.base, 6)
                    if row.limit is not None and amount.base > 0 and usage > row.limit:
                        unit = row.unit
                        raise QuotaExceeded(owner, row.key, row.limit, row.usage, amount.base, unit)
                    rows[row.key] = msgspec.structs.replace(row, usage=usage)
            case SetLimits(owner, limits, replace):
                rows = self.quota.setdefault(owner, {})
                if replace:
                    self._unlimit(owner, list(rows))
                for limit in limits:
                    row = rows.get(limit.key, QuotaRow(limit.key, None, 0, limit.unit))
                    if row.usage > limit.base:
                        raise QuotaExceeded(owner, row.key, limit.base, row.usage, 0, limit.unit)
                    rows[row.key] = QuotaRow(row.key, limit.base, row.usage, limit.unit)
            case DropLimits(owner, keys):
                self._unlimit(owner, keys)
            case DropQuota(owner):
                self.quota.pop(owner, None)
            case _:
                raise AssertionError(f"the model does not know {write}")

    def _unlimit(self, owner: str, keys: list[str] | tuple[str, ...]) -> None:
        rows = self.quota.get(owner, {})
        for key in keys:
            if key in rows:
                rows[key] = msgspec.structs.replace(rows[key], limit=None)


def _column(noun: Noun[Any], entity: Any, name: str) -> Any:
    return getattr(entity, name) if name in ("id", "generation") else noun.columns[name](entity)
