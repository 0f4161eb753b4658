"""What a leaf believes of its hosts and datastores: plain records, kept true by the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from photon.domain.demand import Demand, Level
from photon.domain.guest import HostDatastore, HostMode
from photon.domain.placement import HostView

if TYPE_CHECKING:  # a table is made of these
    from photon.scheduler.table import HostTable

NO_ROW = -1  # not in the table (now)
NEVER_HEARD = -1  # below all generations
# Python makes each empty frozenset anew, of 216 bytes: with a million guests a tenth of all memory.
_NO_GROUPS: Final[frozenset[str]] = frozenset()


class DatastoreBook:
    """A datastore that one host reaches, or many, of one leaf or several. What lies on it is
    counted once, by disk; what hosts of other trees have there is `others_gib`."""

    __slots__ = (
        "capacity_gib",
        "claims",
        "held_gib",
        "hosts",
        "id",
        "labels",
        "others_gib",
        "rows",
        "type",
    )

    def __init__(self, id: str) -> None:
        self.id = id
        self.type = ""
        self.labels: frozenset[str] = frozenset()
        self.capacity_gib = 0  # after overcommit; 0 while no host has told
        self.held_gib = 0
        self.others_gib = 0
        # By disk: how many holds name it (hosts that share a datastore all report it), and GiB.
        self.claims: dict[str, tuple[int, int]] = {}
        self.hosts = 0  # that reach it now
        self.rows: dict[HostTable, int] = {}  # in each table that has it

    @property
    def free_gib(self) -> int:
        return self.capacity_gib - self.held_gib - self.others_gib

    def claim(self, disk_id: str, gib: int) -> None:
        holds, known_gib = self.claims.get(disk_id, (0, gib))
        if holds == 0:
            self.held_gib += gib
        self.claims[disk_id] = (holds + 1, known_gib)

    def unclaim(self, disk_id: str) -> None:
        holds, gib = self.claims[disk_id]
        if holds > 1:
            self.claims[disk_id] = (holds - 1, gib)
        else:
            del self.claims[disk_id]
            self.held_gib -= gib


class DiskHeld:
    __slots__ = ("datastore", "disk_id", "gib")

    def __init__(self, datastore: DatastoreBook, disk_id: str, gib: int) -> None:
        self.datastore = datastore
        self.disk_id = disk_id
        self.gib = gib


class Held:
    """What one VM or one persistent disk holds of a host, whoever says so.

    `reported`: the host's last word has it. Our claims on it are leases: photon.scheduler.holds.
    """

    __slots__ = (
        "cpus",
        "demand",
        "disks",
        "groups",
        "host",
        "id",
        "memory_mib",
        "reported",
        "score",
        "why",
    )

    def __init__(self, id: str, host: HostBook, cpus: int, memory_mib: int) -> None:
        self.id = id
        self.host = host
        self.cpus = cpus
        self.memory_mib = memory_mib
        self.disks: tuple[DiskHeld, ...] = ()
        self.reported = False
        self.score = 0.0
        self.groups: frozenset[str] = _NO_GROUPS  # no report tells them
        self.why: tuple[Level, ...] = ()  # the leaf's own
        self.demand: Demand | None = None  # while the host may still refuse it


class HostBook:
    """One host. Without a view it is only a name that a journal held something on."""

    __slots__ = (
        "cpus_kept",
        "cpus_offered",
        "datastores",
        "datastores_reported",
        "doubts",
        "generation",
        "heard",
        "held",
        "held_cpus",
        "held_memory_mib",
        "id",
        "images",
        "memory_mib_kept",
        "memory_mib_offered",
        "mode",
        "row",
        "silent",
        "view",
    )

    def __init__(self, id: str) -> None:
        self.id = id
        self.view: HostView | None = None
        self.cpus_offered = 0  # the view's, but for what is kept for failover
        self.memory_mib_offered = 0
        self.cpus_kept = 0
        self.memory_mib_kept = 0
        self.heard = False  # all that it holds was reported once; until then nothing is placed
        self.silent = False  # its agent does not answer now
        self.mode = HostMode.NORMAL
        self.generation = NEVER_HEARD  # of its latest report
        self.datastores: tuple[DatastoreBook, ...] = ()
        self.datastores_reported: tuple[HostDatastore, ...] = ()
        self.images: set[str] = set()
        self.held: dict[str, Held] = {}
        self.doubts: dict[str, Held] = {}  # room that it denied having, by the demand it refused
        self.held_cpus = 0
        self.held_memory_mib = 0
        self.row = NO_ROW

    @property
    def free_cpus(self) -> int:
        return self.cpus_offered - self.held_cpus

    @property
    def free_memory_mib(self) -> int:
        return self.memory_mib_offered - self.held_memory_mib
