"""Which hosts are missing, by the beats that were heard of them and the beats that were not.

One beat lost is a hiccup, so a host is missing only when MISSES of its last WINDOW beats were
lost, and it is there again only when a whole WINDOW was heard. Between the two thresholds nothing
changes: a host that comes and goes is missing once, and stays so until it is steady.

All hosts of one agent process beat together, mostly. So there is one history for all of them, and
one more for each host that has gone its own way lately: ten thousand hosts cost as much as one.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final

WINDOW: Final = 5  # Beats that are looked back on: 5 to 25 s, as long as an agent's restart takes.
MISSES: Final = 3  # Of these. Two may be a lost packet and the retry that found no agent yet.
# An agent with much to tell answers four times a second: such answers are one beat, for a window
# of them would be over before a restart is.
BEAT_SECONDS: Final = 1.0

# A history is a number: a leading one, then a bit for each beat, 1 for a lost one, the newest last.
_FRESH: Final = 1
_FULL: Final = 1 << WINDOW
_BEATS: Final = _FULL - 1


class Heartbeats:
    """Of all hosts behind one agent. Nothing is said of a host before a whole WINDOW was tried."""

    def __init__(self) -> None:
        self._common = _FRESH
        self._own: dict[str, int] = {}  # of hosts whose history is not the common one

    def join(self, host_id: str) -> None:
        if self._common != _FRESH:
            self._own[host_id] = _FRESH

    def leave(self, host_id: str) -> None:
        self._own.pop(host_id, None)

    def silence(self) -> None:
        """The agent did not answer: a beat of all its hosts is lost."""
        self._common = _after(self._common, lost=1)
        self._own = self._told_apart({id: _after(own, lost=1) for id, own in self._own.items()})

    def answer(self, absent: AbstractSet[str]) -> None:
        """The agent answered, and spoke for all its hosts but these."""
        before, self._common = self._common, _after(self._common, lost=0)
        own = {id: _after(own, lost=id in absent) for id, own in self._own.items()}
        for id in absent:  # any order: histories are looked up by id
            if id not in own:
                own[id] = _after(before, lost=1)
        self._own = self._told_apart(own)

    def lost(self, hosts: AbstractSet[str]) -> set[str]:
        """Those of `hosts` that must be held to be missing."""
        return self._those(hosts, _is_lost)

    def steady(self, hosts: AbstractSet[str]) -> set[str]:
        """Those of `hosts` whose every beat of a whole WINDOW was heard."""
        return self._those(hosts, _is_steady)

    def in_doubt(self) -> bool:
        """Whether a beat was lost lately, or too few were tried: the next one is worth hurrying."""
        return not _is_steady(self._common) or bool(self._own)

    def _those(self, hosts: AbstractSet[str], judge: Callable[[int], bool]) -> set[str]:
        found = {id for id, own in self._own.items() if id in hosts and judge(own)}
        if judge(self._common):
            found |= hosts - self._own.keys()
        return found

    def _told_apart(self, histories: dict[str, int]) -> dict[str, int]:
        return {id: own for id, own in histories.items() if own != self._common}


def _after(history: int, *, lost: int) -> int:
    longer = history << 1 | lost
    return longer if longer < _FULL << 1 else _FULL | longer & _BEATS


def _is_lost(history: int) -> bool:
    """Only when a beat is lost: what is heard now is on its way back, not on its way out."""
    return history >= _FULL and bool(history & 1) and (history & _BEATS).bit_count() >= MISSES


def _is_steady(history: int) -> bool:
    return history == _FULL
