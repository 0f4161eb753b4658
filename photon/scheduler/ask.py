"""A demand, put to a leaf's hosts: what it needs in sum, and where its disks could lie."""

from __future__ import annotations

import numpy as np

from photon.domain.demand import Demand
from photon.scheduler.groups import Neighbours
from photon.scheduler.table import Amounts, HostTable, Mask, Rows, Shares


class Track:
    """What the fixed filters leave of the hosts: the same for all demands with such constraints."""

    __slots__ = ("datastores", "fell_at", "fitting", "passing", "penalty")

    def __init__(self, passing: Mask, fell_at: Rows, datastores: Rows | None) -> None:
        self.passing = passing
        self.fitting = int(passing.sum())
        self.fell_at = fell_at  # by host: the first filter of FIXED that it fails
        self.datastores = datastores  # see photon.scheduler.suiting.datastores_for
        # Added to scores, so that hosts that cannot be taken are never the best. None: all can.
        self.penalty: Shares | None = None if passing.all() else np.where(passing, 0.0, -np.inf)


class Ask:
    __slots__ = ("companions", "demand", "gib", "members_left", "neighbours", "table", "track")

    def __init__(
        self, table: HostTable, demand: Demand, track: Track, neighbours: Neighbours
    ) -> None:
        self.table = table
        self.demand = demand
        self.track = track
        self.neighbours = neighbours
        # By host, what its hard rules leave; None for most demands, which have none.
        self.members_left: Amounts | None = None
        self.companions: Amounts | None = None
        if demand.rules:
            self.members_left = neighbours.members_left(table, demand, hard=True)
            self.companions = neighbours.companions(table, demand, hard=True)
        self.gib = 0
        for disk in demand.disks:
            self.gib += disk.capacity_gib

    def free_gib(self) -> Amounts:
        """By host, the room on the one suitable datastore with the most."""
        rows = self.track.datastores
        assert rows is not None, "a demand with disks needs a datastore"
        free_gib = self.table.free_gib.take(rows)
        return free_gib if free_gib.ndim == 1 else free_gib.max(axis=1)

    def free_gib_at(self, row: int) -> int:
        rows = self.track.datastores
        assert rows is not None, "a demand with disks needs a datastore"
        free_gib = self.table.free_gib
        return free_gib.item(rows.item(row)) if rows.ndim == 1 else int(free_gib[rows[row]].max())
