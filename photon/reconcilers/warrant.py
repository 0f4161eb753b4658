"""By what right a controller writes what a host has told it: the host's leaf is its own.

Who was frozen while its leaf went to another controller still remembers what hosts said before. Its
write-sets name the leaf's owner and the host's seat, and are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from photon.store.nouns import LEAVES, SEATS
from photon.store.protocol import Require

# Of a host: what must hold for this controller to speak for it; None: another one does.
Warrant = Callable[[str], Sequence[Require] | None]

# What a write-set names that was refused for want of a warrant.
NOUNS_OF_WARRANTS = frozenset({LEAVES.name, SEATS.name})


def unwarranted(host_id: str) -> Sequence[Require]:
    """For a store that has one controller, which speaks for every host."""
    return ()


def together(warrants: Iterable[Sequence[Require]]) -> list[Require]:
    """Those of several hosts, each once: many hosts have one leaf."""
    return list({(each.noun.name, each.id): each for one in warrants for each in one}.values())
