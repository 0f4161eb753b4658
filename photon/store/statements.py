"""SQL, compiled once a noun: the statements that every request runs.

Names come from the nouns, never from callers; values are always bound.
"""

# ruff: noqa: S608  # Names are checked by `quoted` and come from nouns; values are always bound.
from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, Generic

import msgspec

from photon.store.protocol import IN_USE_COUNT_MAX, E, Noun, Value, Where
from photon.store.schema import BASE_COLUMNS

_NAME: Final = re.compile(r"[a-z][a-z0-9_]*")

encode: Final = msgspec.json.Encoder().encode


def quoted(name: str) -> str:
    """`name` as an identifier, though it may be a word of SQL."""
    assert _NAME.fullmatch(name), f"{name!r} cannot name a table or a column"
    return f'"{name}"'


# For anything else sqlite3 looks for an adapter first, which takes longer than the whole row.
_PLAIN: Final = frozenset({str, int, float, bool, type(None)})


def _plain(value: Value) -> Value:
    return str.__str__(value) if isinstance(value, str) else value


class NounStatements(Generic[E]):
    """One noun's SQL, the values that it binds, and how its documents are read."""

    def __init__(self, noun: Noun[E]) -> None:
        self.noun = noun
        self.decode: Callable[[bytes], E] = msgspec.json.Decoder(noun.entity).decode
        self._derive = tuple(noun.columns.values())
        self._known = frozenset((*BASE_COLUMNS, *noun.columns))
        self._with_where: dict[tuple[str, ...], str] = {}
        table = quoted(noun.name)
        columns = [quoted(column) for column in noun.columns]
        names = ["id", "generation", "revision", *columns, "doc"]
        self._columns = columns
        self._update_only: dict[tuple[int, ...], str] = {}
        self.insert = (
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
        )
        self.update = self._update(columns)
        self.delete = f"DELETE FROM {table} WHERE id = ?{{and_where}}"
        self.exists = f"SELECT 1 FROM {table} WHERE id = ?{{and_where}}"
        self.find = f"SELECT doc FROM {table} WHERE id = ?"
        self.page_after = f"SELECT doc FROM {table} WHERE id > ?{{and_where}} ORDER BY id LIMIT ?"
        self.page_before = (
            f"SELECT doc FROM {table} WHERE id < ?{{and_where}} ORDER BY id DESC LIMIT ?"
        )
        self.count = f"SELECT count(*) FROM {table} WHERE 1 = 1{{and_where}}"
        self.count_some = (
            f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE 1 = 1{{and_where}}"
            f" LIMIT {IN_USE_COUNT_MAX})"
        )
        self.none = f"NOT EXISTS (SELECT 1 FROM {table} WHERE 1 = 1{{and_where}})"

    def update_only(self, places: tuple[int, ...]) -> str:
        """An update that sets no columns of the noun's own but those at `places`."""
        sql = self._update_only.get(places)
        if sql is None:
            sql = self._update([self._columns[place] for place in places])
            self._update_only[places] = sql
        return sql

    def _update(self, columns: Sequence[str]) -> str:
        sets = ["generation", "revision", *columns, "doc"]
        return (
            f"UPDATE {quoted(self.noun.name)} SET {', '.join(f'{name} = ?' for name in sets)}"
            " WHERE id = ? AND generation = ?{and_where}"
        )

    def sum(self, column: str, by: str) -> str:
        self._check((column, by))
        return (
            f"SELECT {quoted(by)}, sum({quoted(column)}) FROM {quoted(self.noun.name)}"
            f" WHERE {quoted(by)} IS NOT NULL{{and_where}} GROUP BY {quoted(by)}"
        )

    def row(self, entity: E) -> list[Value]:
        """The values of the noun's own columns."""
        return [
            value if type(value := derive(entity)) in _PLAIN else _plain(value)
            for derive in self._derive
        ]

    def where(self, template: str, where: Where) -> tuple[str, list[Value]]:
        """`template` with the conditions in it, and what they bind."""
        if not where:
            shape: tuple[str, ...] = (template,)
            values: list[Value] = []
        else:
            # None is another statement, not another value: "= NULL" is true of nothing.
            shape = (template, *[n if v is not None else f"{n} IS NULL" for n, v in where.items()])
            values = [_plain(value) for value in where.values() if value is not None]
        sql = self._with_where.get(shape)
        if sql is None:
            sql = self._with_where[shape] = self._compile(template, where)
        return sql, values

    def _compile(self, template: str, where: Where) -> str:
        self._check(tuple(where))
        terms = [
            f" AND {quoted(name)} IS NULL" if value is None else f" AND {quoted(name)} = ?"
            for name, value in where.items()
        ]
        return template.replace("{and_where}", "".join(terms))

    def _check(self, names: Sequence[str]) -> None:
        unknown = [name for name in names if name not in self._known]
        assert not unknown, f"{self.noun} has no column {', '.join(unknown)}"
