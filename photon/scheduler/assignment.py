"""Who is to answer for each leaf. Pure: rows and members in, rows out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import Final

import msgspec

from photon.domain.member import Member
from photon.domain.topology import NOBODY, LeafRow
from photon.scheduler.rendezvous import SURPLUS_SHARE, divided

# Leaves that move for evenness alone, at one time: each costs an inventory of every host in it.
MOVES_AT_ONCE_MAX: Final = 8

replace = msgspec.structs.replace


@dataclass(frozen=True, slots=True)
class Hands:
    """`living` may answer for leaves; `settled`, some of these and at least one, may get more."""

    living: Collection[str]
    settled: Sequence[Member]


def assigned(rows: Mapping[str, LeafRow], new: Collection[LeafRow], hands: Hands) -> list[LeafRow]:
    """The rows that must be otherwise, and all the new ones.

    A new leaf has its owner at once, since nothing has to be built for it. One without an owner
    that lives gets an heir. One whose owner is leaving, or has too many while another has too few,
    gets an heir in its turn, and keeps its owner until the heir is ready.
    """
    by_key = _keys(hands.settled)
    every = [*rows, *(row.id for row in new)]
    wanted = {leaf: by_key[key].id for leaf, key in divided(every, sorted(by_key)).items()}
    changed: dict[str, LeafRow] = {}
    loads: Counter[str] = Counter()
    waiting: list[LeafRow] = []
    moving = 0
    for row in rows.values():
        now = _without_the_dead(row, hands.living)
        if not now.owner and not now.heir:
            now = replace(now, heir=wanted[row.id], leaving=False)
        elif now.owner and now.heir:
            moving += 1
        elif now.owner and (now.leaving or now.owner != wanted[row.id]):
            waiting.append(now)
        loads[now.heir or now.owner] += 1
        if now != row:
            changed[row.id] = now
    for row in new:
        changed[row.id] = replace(row, owner=wanted[row.id])
        loads[wanted[row.id]] += 1
    mean = len(every) / len(by_key)
    most, least = ceil(mean * (1 + SURPLUS_SHARE)), floor(mean * (1 - SURPLUS_SHARE))
    for row in sorted(waiting, key=lambda row: (not row.leaving, row.id)):
        heir = wanted[row.id]
        uneven = loads[row.owner] > most or loads[heir] < least
        if heir != row.owner and (row.leaving or (uneven and moving < MOVES_AT_ONCE_MAX)):
            changed[row.id] = replace(row, heir=heir)
            loads[row.owner] -= 1
            loads[heir] += 1
            moving += 1
    return list(changed.values())


def _without_the_dead(row: LeafRow, living: Collection[str]) -> LeafRow:
    owner = row.owner if row.owner in living else NOBODY
    heir = row.heir if row.heir in living else NOBODY
    return row if (owner, heir) == (row.owner, row.heir) else replace(row, owner=owner, heir=heir)


def _keys(members: Sequence[Member]) -> dict[str, Member]:
    """By name, so that who was restarted has its leaves again; by id too where names are equal."""
    names = Counter(member.name for member in members)
    return {
        member.name if names[member.name] == 1 else f"{member.name} {member.id}": member
        for member in members
    }
