"""Copies of what was made through the API once: rows of the store and lines of an agent's journal.

A stencil is the JSON of an entity, or a line, in which names stand that differ from copy to copy
(ids, addresses). Whatever the schema has, a copy has as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic

import msgspec

from photon.store.protocol import E, Insert, Noun


class Stencil:
    """A text cut at each of `names`; `print` puts others in their places."""

    def __init__(self, text: bytes, names: Sequence[str]) -> None:
        pattern = re.compile(b"|".join(re.escape(name.encode()) for name in names))
        self._between = pattern.split(text)
        self._names = [match.decode() for match in pattern.findall(text)]

    def print(self, renamed: Mapping[str, bytes]) -> bytes:
        parts = [self._between[0]]
        for name, after in zip(self._names, self._between[1:], strict=True):
            parts.append(renamed[name])
            parts.append(after)
        return b"".join(parts)


class RowStencil(Generic[E]):
    def __init__(self, noun: Noun[E], entity: Any, names: Sequence[str]) -> None:
        self._noun = noun
        fresh = msgspec.structs.replace(entity, generation=0)
        self._stencil = Stencil(msgspec.json.encode(fresh), names)
        self._decode: Callable[[bytes], E] = msgspec.json.Decoder(noun.entity).decode

    def print(self, renamed: Mapping[str, bytes]) -> Insert[E]:
        return Insert(self._noun, self._decode(self._stencil.print(renamed)))
