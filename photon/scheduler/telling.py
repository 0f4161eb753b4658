"""What a node tells its parent: made anew when something changed, and not too often."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from photon.scheduler.names import Sieve
from photon.scheduler.summary import (
    Facts,
    Summary,
    facts_of,
    facts_of_all,
    sieves_of,
    summarise,
    summary_of_all,
)
from photon.scheduler.table import HostTable


class LeafTelling:
    """Facts are made anew with the table's columns that they are of, not with each placement."""

    def __init__(self) -> None:
        self._summary: Summary | None = None
        self._at = 0.0
        self._facts = Facts()
        self._table: HostTable | None = None
        self._version = -1
        self._sieves = (Sieve(), Sieve())

    def is_due(self, generation: Hashable, now: float, seconds: float) -> bool:
        summary = self._summary
        return summary is None or (now - self._at >= seconds and summary.generation != generation)

    def latest(self) -> Summary:
        assert self._summary is not None, "one is due at the beginning"
        return self._summary

    def renew(self, table: HostTable, generation: Hashable, now: float) -> Summary:
        if table is not self._table:
            self._sieves = sieves_of(table)
        if table is not self._table or table.version != self._version:
            facts = facts_of(table, self._sieves)
            self._facts = self._facts if facts == self._facts else facts
            self._table, self._version = table, table.version
        self._summary, self._at = summarise(table, self._facts, generation), now
        return self._summary


class BranchTelling:
    """The sum of what its children told."""

    def __init__(self) -> None:
        self._parts: Sequence[Summary] = ()
        self._summary = Summary()
        self._facts_parts: Sequence[Facts] = ()
        self._number = 0

    def renew(self, parts: Sequence[Summary]) -> Summary:
        """The same object as before when nothing changed."""
        if _same(parts, self._parts):
            return self._summary
        facts_parts = [part.facts for part in parts]
        facts = self._summary.facts
        if not _same(facts_parts, self._facts_parts):
            made = facts_of_all(facts_parts)
            facts = facts if made == facts else made
        self._number += 1
        self._parts, self._facts_parts = parts, facts_parts
        self._summary = summary_of_all(parts, facts, self._number)
        return self._summary


def _same(these: Sequence[object], those: Sequence[object]) -> bool:
    return len(these) == len(those) and all(a is b for a, b in zip(these, those, strict=True))
