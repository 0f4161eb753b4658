"""The best host for a demand, or each host's reason why not. Pure: a table in, an answer out."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

import msgspec
import numpy as np

from photon.domain.demand import (
    Demand,
    DiskPlacement,
    Lack,
    NearMiss,
    NoPlacement,
    Reason,
    ReasonCount,
)
from photon.domain.placement import share_disks
from photon.scheduler.ask import Ask, Track
from photon.scheduler.filter_order import FIXED, amounts_for, constraints
from photon.scheduler.groups import Neighbours
from photon.scheduler.misses import most_frequent_first
from photon.scheduler.policy import Policy
from photon.scheduler.scores import SCORES
from photon.scheduler.suiting import datastores_for
from photon.scheduler.table import NO_DATASTORE, Amounts, HostTable, Mask, Rows, Shares
from photon.scheduler.wishes import is_wished

# Demands have few kinds of constraints at a time; hostile ones push each other out.
TRACKS_MAX: Final = 256
# Hosts on which disks are tried apart, the best first: each costs some microseconds.
APART_TRIES_MAX: Final = 64
# Further than any sum of missing shares, each of which is at most 1.
_FAR: Final = 100.0
# A pinned demand has no score to compare, so zero is as good as any.
_NO_SCORE: Final = 0.0


class Choice(msgspec.Struct, frozen=True):
    row: int
    disks: tuple[DiskPlacement, ...]
    datastore_id: str
    score: float
    parts: tuple[tuple[str, float], ...]  # what the score was added up from


class Scored:
    """All hosts' scores, to be marked down where a host cannot be taken. At the row of a host that
    can, they and their parts stay what they were."""

    __slots__ = ("parts", "total")

    def __init__(self, total: Shares, parts: Sequence[tuple[str, Shares]]) -> None:
        self.total = total
        self.parts = parts

    def parts_at(self, row: int) -> tuple[tuple[str, float], ...]:
        return tuple([(name, part.item(row)) for name, part in self.parts])


class Chooser:
    """Keeps what the fixed filters said for as long as the table's facts stand."""

    def __init__(self, policy: Policy, neighbours: Neighbours) -> None:
        self._policy = policy
        self._neighbours = neighbours
        self._tracks: dict[Hashable, Track] = {}
        self._table: HostTable | None = None
        self._version = 0

    def ask(self, table: HostTable, demand: Demand) -> Ask:
        if table is not self._table or table.version != self._version:
            self._tracks.clear()
            self._table, self._version = table, table.version
        key = constraints(demand)
        track = self._tracks.get(key)
        if track is None:
            if len(self._tracks) >= TRACKS_MAX:
                self._tracks.clear()
            track = self._tracks[key] = _track(table, demand)
        return Ask(table, demand, track, self._neighbours)

    def best(self, ask: Ask, excluded_rows: Sequence[int]) -> Choice | None:
        """The host with the highest score; of equals, the one with the lowest id."""
        if not len(ask.table):
            return None
        scored = self._scored(ask, excluded_rows)
        scores = scored.total
        row = int(scores.argmax())
        # The emptiest host nearly always has room, so it is looked at before all others are.
        if not _has_room(ask, row):
            for amount in amounts_for(ask.demand):
                np.putmask(scores, ~amount.passes(ask), -np.inf)
            row = int(scores.argmax())
        if scores.item(row) != -np.inf:
            return _together(ask, row, scored)
        if len(ask.demand.disks) > 1:
            return self._apart(ask, excluded_rows)
        return None

    def _scored(self, ask: Ask, excluded_rows: Sequence[int]) -> Scored:
        parts = []
        for score in SCORES[ask.demand.strategy]:
            part = score(ask, self._policy)
            if part is not None:
                parts.append((score.__name__, part))
        if not parts:
            total = np.full(len(ask.table), _NO_SCORE)
        elif len(parts) == 1:
            total = parts[0][1]
        else:
            total = sum((part for _, part in parts[1:]), parts[0][1])
        if ask.track.penalty is not None:
            total += ask.track.penalty
        if excluded_rows:
            total[excluded_rows] = -np.inf
        return Scored(total, parts)

    def _apart(self, ask: Ask, excluded_rows: Sequence[int]) -> Choice | None:
        """No host has one datastore with room for all disks: a host with room on several, then."""
        scored = self._scored(ask, excluded_rows)
        scores = scored.total
        for amount in amounts_for(ask.demand):
            if amount.reason != Reason.TOO_LITTLE_DISK:
                np.putmask(scores, ~amount.passes(ask), -np.inf)
        np.putmask(scores, _room_in_sum(ask) < ask.gib, -np.inf)
        for row in np.argsort(-scores, kind="stable")[:APART_TRIES_MAX].tolist():
            if scores[row] == -np.inf:
                return None
            disks = share_disks(ask.demand.disks, _room_by_id(ask, row))
            if disks is not None:
                parts = scored.parts_at(row)
                return Choice(row, disks, disks[0].datastore_id, scores.item(row), parts)
        return None


def why_not(ask: Ask, excluded_rows: Sequence[int]) -> NoPlacement:
    """Every host once, under the first filter that it does not pass."""
    table = ask.table
    asked = table.everyone.copy()
    asked[excluded_rows] = False
    counts = [ReasonCount(Reason.EXCLUDED, len(table) - int(asked.sum()))]
    fell = np.bincount(ask.track.fell_at[asked], minlength=len(FIXED)).tolist()
    counts.extend(ReasonCount(fixed.reason, n) for fixed, n in zip(FIXED, fell, strict=False))
    left = asked & ask.track.passing
    for amount in amounts_for(ask.demand):
        failing = left & ~amount.passes(ask)
        if failing.any():
            count = ReasonCount(amount.reason, int(failing.sum()))
            if amount.words.unit:
                best = max(int(amount.free(ask)[failing].max()), 0)
                count = ReasonCount(amount.reason, count.hosts, amount.needed(ask), best)
            counts.append(count)
            left &= ~failing
    assert not left.any(), "a host that passes every filter is placed on"
    reasons = most_frequent_first(each for each in counts if each.hosts)
    return NoPlacement(len(table), reasons, _nearest(ask, asked))


def _nearest(ask: Ask, asked: Mask) -> NearMiss | None:
    """Of the hosts that were `asked`: one that lacks only amounts before one that passed fewer of
    the fixed filters; of equals the one with the lowest id."""
    able = asked & ask.track.passing
    if not able.any():
        if not asked.any():
            return None
        row = int(np.where(asked, ask.track.fell_at, -1).argmax())
        place = ask.track.fell_at.item(row)
        lacks: tuple[Lack, ...] = (Lack(FIXED[place].reason),)
        return NearMiss(_address(ask, row), lacks, _FAR - place)
    distance: Shares = np.where(able, 0.0, np.inf)
    for amount in amounts_for(ask.demand):
        needed = amount.needed(ask)
        if needed:
            distance += np.maximum(needed - np.maximum(amount.free(ask), 0), 0) / needed
    row = int(distance.argmin())
    lacks = tuple(
        [
            Lack(amount.reason, amount.needed(ask), max(amount.free_at(ask, row), 0))
            if amount.words.unit
            else Lack(amount.reason)
            for amount in amounts_for(ask.demand)
            if not amount.passes_at(ask, row)
        ]
    )
    return NearMiss(_address(ask, row), lacks, distance.item(row))


def _address(ask: Ask, row: int) -> str:
    view = ask.table.hosts[row].view
    assert view is not None, "only hosts with a view are in the table"
    return view.address


def _track(table: HostTable, demand: Demand) -> Track:
    fell_at = np.full(len(table), len(FIXED), dtype=np.intp)
    left = table.everyone.copy()
    for place, fixed in enumerate(FIXED):
        passing = fixed.passes(table, demand)
        fell_at[left & ~passing] = place
        left &= passing
    return Track(left, fell_at, datastores_for(table, demand))


def _has_room(ask: Ask, row: int) -> bool:
    for amount in amounts_for(ask.demand):  # noqa: SIM110 - a generator costs as much as the questions
        if not amount.passes_at(ask, row):
            return False
    return True


def _together(ask: Ask, row: int, scored: Scored) -> Choice:
    score, parts = scored.total.item(row), scored.parts_at(row)
    if ask.track.datastores is None:
        return Choice(row, (), "", score, parts)
    rows = ask.track.datastores[row]
    if rows.ndim:  # more than one suits: that with the most room, of equals the lowest id
        if ask.demand.wishes:
            rows = _wished_first(ask, rows)
        rows = rows[ask.table.free_gib.take(rows).argmax()]
    datastore_id = ask.table.datastores[int(rows) - 1].id
    disks = tuple([DiskPlacement(disk.id, datastore_id) for disk in ask.demand.disks])
    return Choice(row, disks, datastore_id, score, parts)


def _wished_first(ask: Ask, rows: Rows) -> Rows:
    """Those with room that meet the most wishes."""
    books = ask.table.datastores
    roomy = [each for each in rows.tolist() if each and ask.table.free_gib.item(each) >= ask.gib]
    met = [sum(is_wished(books[each - 1], w) for w in ask.demand.wishes) for each in roomy]
    best = [each for each, count in zip(roomy, met, strict=True) if count == max(met)]
    return np.array(best, dtype=np.intp) if best else rows


def _room_in_sum(ask: Ask) -> Amounts:
    assert ask.track.datastores is not None, "a demand with disks needs a datastore"
    room = np.maximum(ask.table.free_gib.take(ask.track.datastores), 0)
    return room if room.ndim == 1 else room.sum(axis=1)


def _room_by_id(ask: Ask, row: int) -> dict[str, int]:
    assert ask.track.datastores is not None, "a demand with disks needs a datastore"
    rows = np.atleast_1d(ask.track.datastores[row])
    return {
        ask.table.datastores[each - 1].id: int(ask.table.free_gib[each])
        for each in map(int, rows)
        if each != NO_DATASTORE
    }
