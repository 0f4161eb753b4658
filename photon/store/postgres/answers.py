"""What the server answered about a group, as outcomes of its write-sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from photon.store.errors import (
    AlreadyExists,
    InUse,
    NotStorable,
    QuotaExceeded,
    RequirementFailed,
    StaleGeneration,
)
from photon.store.postgres.group import GAP_MAX, Group
from photon.store.protocol import (
    Change,
    Charge,
    Insert,
    Noun,
    Require,
    RequireNone,
    Revision,
    SetLimits,
)

_UNIQUE_VIOLATION = "23505"

Outcome = Revision | Exception


@dataclass(frozen=True, slots=True)
class Answer:
    """`gap`: what others committed since the group's maker had last heard; None: too much to
    come along, or trimmed already."""

    before: Revision
    last: Revision
    trimmed: Revision
    outcomes: list[Outcome]
    changes: list[Change]
    gap: list[Change] | None


def read_answer(group: Group, row: Any, since: Revision, nouns: Sequence[Noun[Any]]) -> Answer:
    before, revision = Revision(row["o_before"]), row["o_before"]
    outcomes: list[Outcome] = []
    changes: list[Change] = []
    for number, text in enumerate(row["o_answers"], 1):
        if text is None or text[0] == "r":
            revision += 1
            reaped = frozenset(map(int, text[2:].split())) if text else frozenset()
            changes += group.changes(number, Revision(revision), reaped)
            outcomes.append(Revision(revision))
        else:
            outcomes.append(_refusal(group, text, nouns))
    assert revision == row["o_last"], "client and server count revisions differently"
    trimmed = Revision(row["o_trimmed"])
    return Answer(before, Revision(revision), trimmed, outcomes, changes, _gap(row, since))


def _gap(row: Any, since: Revision) -> list[Change] | None:
    if row["o_before"] - since > GAP_MAX or since < row["o_trimmed"]:
        return None
    if row["o_gap_revisions"] is None:
        return []
    columns = (row[f"o_gap_{name}"] for name in ("revisions", "nouns", "ids", "generations"))
    return [Change(*change) for change in zip(*columns, strict=True)]


def _refusal(group: Group, text: str, nouns: Sequence[Noun[Any]]) -> Exception:
    if text[0] == "e":
        return _database_error(text, nouns)
    _, place, _, *why = text.split(" ", 3)
    write = group.write(int(place))
    reason = why[0] if why else ""
    if isinstance(write, Insert):
        return AlreadyExists(write.noun.name, tuple(reason.split(",")))
    if isinstance(write, Require):
        return RequirementFailed(write.noun.name, write.id)
    if isinstance(write, RequireNone):
        return InUse(write.noun.name, int(reason))
    if isinstance(write, Charge | SetLimits):
        return _no_room(group, write, int(place), reason)
    entity = getattr(write, "entity", write)
    return StaleGeneration(write.noun.name, entity.id)  # type: ignore[union-attr]  # an Update or a Delete


def _no_room(group: Group, write: Charge | SetLimits, place: int, why: str) -> QuotaExceeded:
    nth, limit, usage, unit = why.split(" ")
    at = group.arrays.at[place - 1] + int(nth) - 2
    amount = group.arrays.bases[at] if isinstance(write, Charge) else 0.0
    key = group.arrays.keys[at]
    return QuotaExceeded(write.owner_id, key, float(limit), float(usage), amount, unit)


def _database_error(text: str, nouns: Sequence[Noun[Any]]) -> Exception:
    _, state, table, constraint, message = text.split(" ", 4)
    if state == _UNIQUE_VIOLATION:
        for noun in nouns:
            for key in noun.unique:
                if constraint == f"{noun.name}_by_{'_'.join(key)}":
                    return AlreadyExists(noun.name, key)
    return NotStorable(f"{table}: {message}")
