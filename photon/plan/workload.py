"""What runs on a plan's hosts, and what happens to them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from photon.domain.demand import Strategy
from photon.plan.hosts import HostPlan


@dataclass(frozen=True, slots=True)
class PlannedFlavor:
    """A VM's size. `disks_gib` are beside the boot disk; all lie on datastores with `tags`."""

    name: str
    cpus: int
    memory_mib: int
    disks_gib: tuple[int, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Apart:
    """At most so many of the named set on one host, and in one zone; None: no limit."""

    set_name: str
    host_max: int | None
    zone_max: int | None
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Wants:
    """Where the VMs of a set are to be. Each set is a group under its own name."""

    flavor: str
    policy: Strategy = Strategy.SPREAD
    zone: str = ""
    networks: tuple[str, ...] = ()
    apart: tuple[Apart, ...] = ()
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StandingSet:
    """VMs that are there before anything happens, and stay."""

    name: str
    count: int
    wants: Wants


@dataclass(frozen=True, slots=True)
class ArrivingSet:
    """VMs that come, by chance at `per_second`, and go, after a lifetime whose mean is given; None
    is for ever."""

    name: str
    per_second: float
    lifetime_seconds: float | None
    from_seconds: float
    until_seconds: float
    wants: Wants


class Happening(StrEnum):
    DIES = "dies"  # the power fails: agents and guests are off
    IS_CUT_OFF = "is-cut-off"  # the network fails: guests run on, and nobody hears of them
    RETURNS = "returns"
    ENTERS_MAINTENANCE = "enters-maintenance"
    LEAVES_MAINTENANCE = "leaves-maintenance"


FAILURES: Final = (Happening.DIES, Happening.IS_CUT_OFF)


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """`kind` is rack, zone, group or host. `replace`: an operator deletes the VMs that are there,
    and makes them again elsewhere."""

    at_seconds: float
    kind: str
    name: str
    happening: Happening
    replace: bool = False

    @property
    def what(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True)
class WorkloadPlan:
    """`fit` names the flavors of which as many are made as can be; `drills` are the kinds of
    things (photon.plan.kinds) of which each dies once, for `outage_seconds`. `start`: VMs are
    started when they are made."""

    image_gib: int
    flavors: tuple[PlannedFlavor, ...]
    fit: tuple[str, ...]
    standing: tuple[StandingSet, ...] = ()
    arriving: tuple[ArrivingSet, ...] = ()
    drills: tuple[str, ...] = ()
    outage_seconds: float = 300.0
    duration_seconds: float = 0.0
    events: tuple[PlannedEvent, ...] = ()
    start: bool = True

    def flavor(self, name: str) -> PlannedFlavor:
        return next(flavor for flavor in self.flavors if flavor.name == name)

    def lost_kinds(self, hosts: HostPlan) -> tuple[str, ...]:
        """Of what it is asked whether the rest would hold all: racks, or hosts where there are
        none, and zones."""
        if not self.drills:
            return ()
        smallest = "rack" if hosts.racks else "host"
        zones = ("zone",) if "zone" in self.drills else ()
        return (smallest, *zones) if smallest == "host" or "rack" in self.drills else zones

    @property
    def standing_count(self) -> int:
        return sum(each.count for each in self.standing)
