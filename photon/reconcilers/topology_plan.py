"""Which rows must be written so that the store says what the chairman has decided. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from photon.domain.topology import HostSeat, LeafRow, Traits
from photon.reconcilers.topology_rows import TopologyRows
from photon.scheduler.division import Division

replace = msgspec.structs.replace


@dataclass(slots=True)
class Plan:
    """Rows at the generations that they were read at; 0: new ones."""

    leaves: list[LeafRow] = field(default_factory=list)
    seats: list[HostSeat] = field(default_factory=list)
    leaves_gone: list[LeafRow] = field(default_factory=list)
    seats_gone: list[HostSeat] = field(default_factory=list)

    def parts(self, writes_max: int) -> Sequence[Plan]:
        """In order: leaves that hosts may sit in, seats, and what is left behind."""
        parts = [Plan()]
        count = 0
        lists = ("leaves", "seats", "seats_gone", "leaves_gone")
        for name in lists:
            for row in getattr(self, name):
                if count == writes_max:
                    parts.append(Plan())
                    count = 0
                getattr(parts[-1], name).append(row)
                count += 1
        return parts if count else []


def planned(
    division: Division,
    rows: TopologyRows,
    host_ids: Iterable[str],
    leaf_ids: Iterable[str],
    assigned: Collection[LeafRow],
) -> Plan:
    """For these hosts and leaves; `assigned` are rows whose owner or heir is otherwise already,
    new ones among them."""
    plan = Plan()
    leaves = {row.id: row for row in assigned}
    for leaf_id in leaf_ids:
        part, row = division.leaf(leaf_id), leaves.get(leaf_id) or rows.leaves.get(leaf_id)
        if part is not None and row is not None and row.traits != part.prefix:
            leaves[leaf_id] = replace(row, traits=part.prefix)
        elif part is None and row is not None and not rows.hosts_of(leaf_id):
            leaves.pop(leaf_id, None)
            plan.leaves_gone.append(rows.leaves[leaf_id])
    plan.leaves = list(leaves.values())
    owners = {**rows.leaves, **leaves}
    for host_id in host_ids:
        seat, home = rows.seats.get(host_id), division.leaf_of(host_id)
        if home is None:
            if seat is not None:
                plan.seats_gone.append(seat)
            continue
        traits = Traits(*(division.traits_of(host_id) or ("", "", "")))
        now = _seated(seat, host_id, home, traits, owners)
        if now != seat:
            plan.seats.append(now)
    return plan


def _seated(
    seat: HostSeat | None, host_id: str, leaf_id: str, traits: Traits, leaves: dict[str, LeafRow]
) -> HostSeat:
    """A host is moved by the chairman alone where one controller has both leaves; else the owner
    of the new one has to know it first."""
    if seat is None:
        return HostSeat(host_id, leaf_id, traits)
    if seat.leaf_id in ("", leaf_id) or _same_owner(leaves, seat.leaf_id, leaf_id):
        return replace(seat, leaf_id=leaf_id, next_leaf_id="", traits=traits)
    return replace(seat, next_leaf_id=leaf_id, traits=traits)


def _same_owner(leaves: dict[str, LeafRow], a: str, b: str) -> bool:
    one, other = leaves.get(a), leaves.get(b)
    return (
        one is not None
        and other is not None
        and bool(one.owner)
        and one.owner == other.owner
        and not one.heir
        and not other.heir
    )
