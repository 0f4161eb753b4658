"""A demand, put to a leaf's hosts: what it needs in sum, and where its disks could lie."""

from __future__ import annotations

from photon.domain.demand import Demand
from photon.scheduler.table import Amounts, HostTable, Mask, Rows


class Track:
    """What the fixed filters leave of the hosts: the same for all demands with such constraints."""

    __slots__ = ("datastores", "fell_at", "passing")

    def __init__(self, passing: Mask, fell_at: Rows, datastores: Rows | None) -> None:
        self.passing = passing
        self.fell_at = fell_at  # by host: the first of photon.scheduler.filters.FIXED that it fails
        self.datastores = datastores  # see photon.scheduler.filters.datastores_for


class Ask:
    __slots__ = ("demand", "free_gib", "gib", "table", "track")

    def __init__(self, table: HostTable, demand: Demand, track: Track) -> None:
        self.table = table
        self.demand = demand
        self.track = track
        self.gib = 0
        for disk in demand.disks:
            self.gib += disk.capacity_gib
        # By host, the room on the one datastore with the most; None when none is needed.
        self.free_gib: Amounts | None = None
        if track.datastores is not None:
            free_gib = table.free_gib.take(track.datastores)
            self.free_gib = free_gib if free_gib.ndim == 1 else free_gib.max(axis=1)
