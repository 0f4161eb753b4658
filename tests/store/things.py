"""Nouns for the tests: two tables with everything that a real noun may have."""

from __future__ import annotations

from typing import Final

import msgspec

from photon.domain.quota import Amount, QuotaUnit
from photon.store.protocol import Insert, Noun


class Thing(msgspec.Struct, frozen=True):
    id: str
    name: str = ""
    parent: str | None = None
    size: int = 0
    heavy: bool = False
    note: str = ""
    generation: int = 0


class Part(msgspec.Struct, frozen=True):
    id: str
    thing_id: str
    generation: int = 0


THINGS: Final = Noun(
    "things",
    Thing,
    {
        "name": lambda t: t.name or None,
        "parent": lambda t: t.parent,
        "size": lambda t: t.size,
        "heavy": lambda t: t.heavy,
    },
    unique=(("parent", "name"),),
    indexes=(("parent",), ("heavy", "parent")),
    types={"size": int, "heavy": bool},
)
# Its name and a column are words of SQL.
PARTS: Final = Noun("order", Part, {"group": lambda p: p.thing_id}, indexes=(("group",),))
SECRETS: Final = Noun("secrets", Part, {"group": lambda p: p.thing_id}, in_feed=False)

NOUNS: Final = (THINGS, PARTS, SECRETS)


def a_thing(id: str = "t1", **fields: object) -> Thing:
    return msgspec.convert({"id": id, **fields}, Thing)


def inserted(*ids: str, **fields: object) -> list[Insert[Thing]]:
    return [Insert(THINGS, a_thing(id, **fields)) for id in ids]


def count_of(key: str, value: float) -> Amount:
    return Amount(key, value, QuotaUnit.COUNT)
