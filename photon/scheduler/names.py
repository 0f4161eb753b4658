"""Sets of names that stay small however many hosts there are, and err only towards "perhaps"."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from itertools import islice
from typing import Final

import msgspec

# Zones, networks and labels of all hosts of one node. A cloud has tens of each; beyond this, a
# child is asked in vain now and then.
NAMES_MAX: Final = 256
# With 8,192 names (a branch's hosts) one question in forty is answered "perhaps" wrongly; with
# 256 (a leaf's), one in many millions. Past 100,000, nearly all: then each child is asked.
SIEVE_BYTES: Final = 8192
_PROBES: Final = 4
_PROBE_BYTES: Final = 4


class Names(msgspec.Struct, frozen=True):
    """Some names; `more` says that there are others, which are not listed."""

    known: frozenset[str] = frozenset()
    more: bool = False

    def may_have(self, name: str) -> bool:
        return self.more or name in self.known

    def may_have_all(self, names: Iterable[str]) -> bool:
        return self.more or self.known.issuperset(names)


class Sieve(msgspec.Struct, frozen=True):
    """A Bloom filter: of too many names to list. No name that it was given is ever denied."""

    bits: bytes = bytes(SIEVE_BYTES)

    def may_have(self, name: str) -> bool:
        return all(self.bits[place >> 3] >> (place & 7) & 1 for place in _places(name))


def names_of(names: Iterable[str]) -> Names:
    found = frozenset(names)
    if len(found) <= NAMES_MAX:
        return Names(found)
    return Names(frozenset(islice(sorted(found), NAMES_MAX)), more=True)


def names_of_all(parts: Iterable[Names]) -> Names:
    every = list(parts)
    found = names_of(name for part in every for name in part.known)  # any order
    return Names(found.known, found.more or any(part.more for part in every))


def sieve_of(names: Iterable[str]) -> Sieve:
    bits = bytearray(SIEVE_BYTES)
    for name in names:
        for place in _places(name):
            bits[place >> 3] |= 1 << (place & 7)
    return Sieve(bytes(bits))


def sieve_of_all(parts: Iterable[Sieve]) -> Sieve:
    bits = 0
    for part in parts:
        bits |= int.from_bytes(part.bits, "little")
    return Sieve(bits.to_bytes(SIEVE_BYTES, "little"))


def _places(name: str) -> list[int]:
    """The same in every process: Python's own hash is not."""
    digest = blake2b(name.encode(), digest_size=_PROBES * _PROBE_BYTES).digest()
    return [
        int.from_bytes(digest[at : at + _PROBE_BYTES], "little") % (SIEVE_BYTES * 8)
        for at in range(0, len(digest), _PROBE_BYTES)
    ]
