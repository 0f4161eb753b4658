"""How columns travel: as text, in one array for a whole group, and are cast where they are used."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any, Final

from photon.store.protocol import Noun, Value
from photon.store.statements import quoted

_BASE: Final = {"id": str, "generation": int, "revision": int}
_CAST: Final[dict[type, str]] = {str: "", int: "::bigint", bool: "::bigint", float: "::float8"}


def type_of(noun: Noun[Any], column: str) -> type:
    """The type that the noun gives a column; the base columns are known to all nouns."""
    return _BASE.get(column) or noun.types.get(column, str)


def from_text(noun: Noun[Any], column: str, text: str) -> str:
    """SQL that makes a column's value from `text`, an expression of type text."""
    return f"{text}{_CAST[type_of(noun, column)]}"


def comparable(noun: Noun[Any], column: str) -> str:
    """SQL of a stored column as the text that `compared` gives for an equal value."""
    kind, name = type_of(noun, column), quoted(column)
    if kind is str:
        return name
    # Two programs may write one number in two ways; its bits are the same.
    return f"encode(float8send({name}), 'hex')" if kind is float else f"{name}::text"


def compared(noun: Noun[Any], column: str, value: Value) -> str | None:
    """A value of a condition, as `comparable` shows an equal one."""
    kind = type_of(noun, column)
    if value is None or kind is str:
        return value  # type: ignore[return-value]  # a text column's values are text
    return struct.pack(">d", value).hex() if kind is float else str(int(value))


def writer_of(noun: Noun[Any], column: str) -> Callable[[Any], str | None]:
    """A function that writes an entity's column as text."""
    derive: Callable[[Any], Any] = noun.columns[column]
    kind = type_of(noun, column)
    if kind is str:
        return derive

    def write(entity: Any) -> str | None:
        value = derive(entity)
        if value is None:
            return None
        return repr(float(value)) if kind is float else str(int(value))

    return write
