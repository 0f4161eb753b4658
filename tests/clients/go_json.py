"""JSON as Go's encoding/json takes it: strictly by type, null anywhere, unknown members ignored.

On top of Go's rules every documented member must be there, because some clients look for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Mismatch(AssertionError):
    """A client would fail to read this answer."""


class _Fraction(float):
    """A number that was written with a fraction or an exponent: no integer to Go."""


class Shape(Protocol):
    def check(self, value: Any, at: str) -> None: ...


@dataclass(frozen=True)
class Scalar:
    """`types` are exact: Go takes no bool for an int, and no 1.0 either."""

    name: str
    types: tuple[type, ...]

    def check(self, value: Any, at: str) -> None:
        if value is not None and type(value) not in self.types:
            raise Mismatch(f"{at}: cannot unmarshal {value!r} into {self.name}")


@dataclass(frozen=True)
class Anything:
    """Go's interface{}."""

    def check(self, value: Any, at: str) -> None:
        pass


@dataclass(frozen=True)
class Set:
    """A member that must not be null, such as an id."""

    shape: Shape

    def check(self, value: Any, at: str) -> None:
        if value is None or value == "":
            raise Mismatch(f"{at} is empty")
        self.shape.check(value, at)


@dataclass(frozen=True)
class OneOf:
    words: tuple[str, ...]

    def check(self, value: Any, at: str) -> None:
        if value not in self.words:
            raise Mismatch(f"{at}: {value!r} is none of {self.words}")


@dataclass(frozen=True)
class ListOf:
    item: Shape

    def check(self, value: Any, at: str) -> None:
        if not isinstance(value, list):
            raise Mismatch(f"{at}: cannot unmarshal {value!r} into a slice")
        for place, item in enumerate(value):
            self.item.check(item, f"{at}[{place}]")


@dataclass(frozen=True)
class MapOf:
    item: Shape

    def check(self, value: Any, at: str) -> None:
        if value is None:
            return
        if not isinstance(value, dict):
            raise Mismatch(f"{at}: cannot unmarshal {value!r} into a map")
        for key, item in value.items():
            self.item.check(item, f"{at}.{key}")


@dataclass(frozen=True)
class Struct:
    members: Mapping[str, Shape] = field(default_factory=dict)

    def check(self, value: Any, at: str) -> None:
        if value is None:
            return
        if not isinstance(value, dict):
            raise Mismatch(f"{at}: cannot unmarshal {value!r} into a struct")
        for name, shape in self.members.items():
            if name not in value:
                raise Mismatch(f"{at}.{name} is missing")
            shape.check(value[name], f"{at}.{name}")


STRING = Scalar("string", (str,))
INT = Scalar("int64", (int,))
FLOAT = Scalar("float64", (int, float, _Fraction))
BOOL = Scalar("bool", (bool,))
STRING_MAP = MapOf(STRING)
STRINGS = ListOf(STRING)


def decoded(content: bytes, shape: Shape, at: str = "$") -> Any:
    """What `content` says, if a Go client could read it as `shape`.

    Raises:
        Mismatch: it could not, or a documented member is missing.
    """
    value = json.loads(content.decode("utf-8"), parse_float=_Fraction, parse_constant=_no_number)
    if value is None:
        raise Mismatch(f"{at} is null")
    shape.check(value, at)
    return value


def _no_number(text: str) -> Any:
    raise Mismatch(f"{text} is not JSON")
