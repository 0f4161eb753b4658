"""Which of the hosts that fit is the best: small pure functions, added up. More is better."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from photon.domain.demand import Strategy
from photon.scheduler.ask import Ask
from photon.scheduler.policy import Policy
from photon.scheduler.table import Shares
from photon.scheduler.wishes import meets

Score = Callable[[Ask, Policy], Shares | None]


def room_left(ask: Ask, policy: Policy) -> Shares | None:
    """The share left, after placing, of what the host then has least of: spreads a cloud evenly.

    A lone disk takes only room for disks, so it is spread by that.
    """
    table, demand = ask.table, ask.demand
    if demand.cpus == 0 and demand.memory_mib == 0:
        return _disk_room_left(ask)
    # In place: arrays made and dropped cost more than the sums in them.
    left: Shares = table.cpu_left - table.cpu_cost(demand.cpus)
    memory_left = table.memory_left - table.memory_cost(demand.memory_mib)
    return np.minimum(left, memory_left, out=left)


def image_is_there(ask: Ask, policy: Policy) -> Shares | None:
    """A little, so that a host with the image goes before one that is as empty without it."""
    holders = ask.table.images.get(ask.demand.image_checksum)
    if holders is None:
        return None
    bonus: Shares = np.multiply(holders, policy.image_bonus, dtype=np.float64)
    return bonus


def room_taken(ask: Ask, policy: Policy) -> Shares | None:
    """The best fit is the fullest host: what stays free is in one piece, elsewhere."""
    left = room_left(ask, policy)
    return None if left is None else np.subtract(1.0, left, out=left)


def rules_wished(ask: Ask, policy: Policy) -> Shares | None:
    """Rules that are not hard come before room, which is a share of 1: a host that breaks them is
    taken when all others have none."""
    if not ask.demand.rules:
        return None
    neighbours, table, demand = ask.neighbours, ask.table, ask.demand
    left = neighbours.members_left(table, demand, hard=False)
    companions = neighbours.companions(table, demand, hard=False)
    if left is None and companions is None:
        return None
    wished: Shares = np.zeros(len(table))
    if left is not None:
        wished -= left < 1
    if companions is not None:
        wished -= companions < 1
    return wished


def wishes_met(ask: Ask, policy: Policy) -> Shares | None:
    """As rules that are not hard: each wish that a host does not meet costs it a whole share."""
    table, demand = ask.table, ask.demand
    if not demand.wishes:
        return None
    met: Shares = np.zeros(len(table))
    for wish in demand.wishes:
        met -= ~meets(table, wish)
    return met


# The image's bonus decides between hosts that are equal but for it.
SCORES: Final[Mapping[Strategy, tuple[Score, ...]]] = {
    Strategy.SPREAD: (room_left, image_is_there, rules_wished, wishes_met),
    Strategy.PACK: (room_taken, image_is_there, rules_wished, wishes_met),
}


def _disk_room_left(ask: Ask) -> Shares | None:
    rows = ask.track.datastores
    if rows is None:
        return None
    table = ask.table
    left: Shares = (table.free_gib.take(rows) - ask.gib) * table.gib_share.take(rows)
    return left if left.ndim == 1 else left.max(axis=1)
