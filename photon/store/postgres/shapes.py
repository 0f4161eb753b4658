"""One noun as PostgreSQL sees it: the statements that read it, and how its writes are put down."""

# ruff: noqa: S608  # Names are checked by `quoted` and come from nouns; values are always bound.
from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic

import msgspec

from photon.store.postgres.columns import compared, from_text, type_of, writer_of
from photon.store.protocol import IN_USE_COUNT_MAX, E, Noun, Value, Where
from photon.store.schema import BASE_COLUMNS
from photon.store.statements import quoted


class Shape(Generic[E]):
    """`number` is the noun's place in the session's functions, from 1."""

    def __init__(self, noun: Noun[E], number: int) -> None:
        self.noun = noun
        self.number = number
        self.decode: Final[Callable[[bytes], E]] = msgspec.json.Decoder(noun.entity).decode
        self.writers = tuple(writer_of(noun, column) for column in noun.columns)
        self._places = {name: n for n, name in enumerate((*BASE_COLUMNS, *noun.columns), 1)}
        self._table = quoted(noun.name)
        self._compiled: dict[tuple[str, ...], str] = {}
        self.find_many = f"SELECT id, doc FROM {self._table} WHERE id = ANY($1)"

    def conditions(self, where: Where) -> list[str | None]:
        """Places and values, one after the other, as the session's functions compare them."""
        pairs: list[str | None] = []
        for name, value in where.items():
            pairs += (str(self._place(name)), compared(self.noun, name, value))
        return pairs

    def page(self, where: Where, start: str, *, limit: int, back: bool) -> tuple[str, list[Value]]:
        """Answers the newest revision and the documents, in one snapshot."""
        template = "page-back" if back else "page"
        sql = self._compiled.get(_shape(template, where))
        if sql is None:
            than, way = ("<", " DESC") if back else (">", "")
            order = ", ".join(f"{column}{way}" for column in self._order(where))
            sql = self._keep(
                template,
                where,
                f"SELECT feed.revision, ARRAY(SELECT doc FROM {self._table} WHERE id {than} $1"
                f"{self._terms(where, 3)} ORDER BY {order} LIMIT $2) FROM feed WHERE one = 1",
            )
        return sql, [start, limit, *self._bound(where)]

    def count(self, where: Where) -> tuple[str, list[Value]]:
        sql = f"SELECT count(*) FROM {self._table} WHERE true{self._terms(where, 1)}"
        return sql, self._bound(where)

    def sum(self, column: str, by: str, where: Where) -> tuple[str, list[Value]]:
        self._place(column), self._place(by)
        sql = (
            f"SELECT {quoted(by)}, sum({quoted(column)})::float8 FROM {self._table}"
            f" WHERE {quoted(by)} IS NOT NULL{self._terms(where, 1)} GROUP BY {quoted(by)}"
        )
        return sql, self._bound(where)

    def count_some(self, where: Where) -> tuple[str, list[str | None]]:
        """For inside a function: its values are the elements of one array of texts."""
        sql = self._compiled.get(_shape("count-some", where))
        if sql is None:
            sql = self._keep(
                "count-some",
                where,
                f"SELECT count(*) FROM (SELECT 1 FROM {self._table} WHERE true"
                f"{self._array_terms(where, 1)} LIMIT {IN_USE_COUNT_MAX}) AS found",
            )
        return sql, self._texts(where)

    def none(self, where: Where, first: int) -> tuple[str, list[str | None]]:
        """As `count_some`, for one of several terms: its values begin at `first`."""
        sql = (
            f"NOT EXISTS (SELECT 1 FROM {self._table} WHERE true{self._array_terms(where, first)})"
        )
        return sql, self._texts(where)

    def _order(self, where: Where) -> list[str]:
        """By id. Rows that are all null in a column are in the order of its index only if it is
        named: the planner knows so of "= $1", and not of "IS NULL"."""
        if where and all(value is None for value in where.values()):
            return [*map(quoted, where), "id"]
        return ["id"]

    def _keep(self, template: str, where: Where, sql: str) -> str:
        self._compiled[_shape(template, where)] = sql
        return sql

    def _terms(self, where: Where, first: int) -> str:
        terms = ""
        for name, value in where.items():
            self._place(name)
            if value is None:
                terms += f" AND {quoted(name)} IS NULL"
            else:
                terms += f" AND {quoted(name)} = ${first}"
                first += 1
        return terms

    def _bound(self, where: Where) -> list[Value]:
        return [
            int(value) if type_of(self.noun, name) in (int, bool) else value
            for name, value in where.items()
            if value is not None
        ]

    def _array_terms(self, where: Where, first: int) -> str:
        terms = ""
        for name, value in where.items():
            self._place(name)
            if value is None:
                terms += f" AND {quoted(name)} IS NULL"
            else:
                terms += f" AND {quoted(name)} = {from_text(self.noun, name, f'$1[{first}]')}"
                first += 1
        return terms

    def _texts(self, where: Where) -> list[str | None]:
        return [
            _as_text(type_of(self.noun, name), value)
            for name, value in where.items()
            if value is not None
        ]

    def _place(self, name: str) -> int:
        assert name in self._places, f"{self.noun} has no column {name}"
        return self._places[name]


def shapes_of(nouns: tuple[Noun[Any], ...]) -> dict[Noun[Any], Shape[Any]]:
    return {noun: Shape(noun, number) for number, noun in enumerate(nouns, 1)}


def _shape(template: str, where: Where) -> tuple[str, ...]:
    # None is another statement, not another value: "= NULL" is true of nothing.
    return (template, *[n if v is not None else f"{n} IS NULL" for n, v in where.items()])


def _as_text(kind: type, value: Value) -> str:
    if kind is str:
        return str(value)
    return repr(float(value)) if kind is float else str(int(value))  # type: ignore[arg-type]  # never None here
