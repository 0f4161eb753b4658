"""What a plan found out: what the report shows, and what `-o json` prints.

Times are seconds of the simulation's own clock. The same files and the same seed make the same
result, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol

import msgspec

FORMAT: Final = 2  # Rises when a member is renamed or means something else.


class Mode(StrEnum):
    PLAYED = "played"  # the whole product ran
    PLACED = "placed"  # its scheduler alone


class Reason(msgspec.Struct, rename="camel", frozen=True):
    """So many hosts said this. `best` is the most that one of them had of what was `needed`."""

    reason: str
    hosts: int
    needed: int | None = None
    best: int | None = None


class Balance(msgspec.Struct, rename="camel", frozen=True):
    """Of hosts' loads, each the share taken of what that host has least left of, from 0 to 1.
    `tenths` counts hosts from 0 to 10 %, and so on."""

    least: float
    mean: float
    most: float
    deviation: float
    tenths: tuple[int, ...]


class HostLoad(msgspec.Struct, rename="camel", frozen=True):
    host: str
    zone: str
    rack: str
    vms: int
    cpu: float
    memory: float

    @property
    def load(self) -> float:
        return max(self.cpu, self.memory)


class Fit(msgspec.Struct, rename="camel", frozen=True):
    """How many VMs of one flavor. `made` were made through the API until none found room;
    `scheduler_said` is what `photon capacity` answered before the first (`exact`: for sure, else
    nearly). `why` counts the reasons of the first that found none, `nearest` is what the nearest
    host lacked. `took_seconds` is how long the simulated cloud made VMs."""

    flavor: str
    on: str  # "empty" hosts, or those that are "loaded"
    made: int
    scheduler_said: int
    exact: bool
    by_zone: dict[str, int]
    said_by_zone: dict[str, int]
    runs_out_first: str
    why: tuple[Reason, ...]
    nearest: str
    balance: Balance
    took_seconds: float
    stopped_early: bool = False  # at the limit of what is simulated; more fit

    @property
    def agrees(self) -> bool:
        """Nearly is no promise that could be broken."""
        return not self.exact or self.made == self.scheduler_said


class SetOutcome(msgspec.Struct, rename="camel", frozen=True):
    """Of one set of VMs, `made` and, if they should run, `started`. `refused` found no room, for
    these reasons of the first refusal; `failed` ended otherwise, as `failure` tells of the first
    (or of the first that did not start)."""

    name: str
    flavor: str
    asked: int
    made: int
    started: int
    refused: int
    failed: int
    ended: int
    by_zone: dict[str, int]
    refusal: str = ""
    failure: str = ""


class Sample(msgspec.Struct, rename="camel", frozen=True):
    """The cloud at one moment: VMs, and those of them that run as far as is known. Shares are of
    what the hosts that can be used offer, by zone."""

    at: float
    vms: int
    running: int
    unreachable: int
    hosts_missing: int
    refused: int  # since the beginning
    memory: dict[str, float]
    cpu: dict[str, float]


class Moment(msgspec.Struct, rename="camel", frozen=True):
    at: float
    what: str


class DrillSample(msgspec.Struct, rename="camel", frozen=True):
    """One moment of a drill: so many of the lost VMs are not made again yet."""

    at: float
    down: int
    hosts_missing: int


class NotMade(msgspec.Struct, rename="camel", frozen=True):
    """So many VMs of one set found no room, or failed; `why` is the first one's reason."""

    set_name: str
    count: int
    why: str


class Probes(msgspec.Struct, rename="camel", frozen=True):
    """VMs that were asked for all the while, one every other second: so many `failed`, or got no
    answer. `first_after`: when the first was made (or told that there is no room). `steady_after`:
    when the first of those was from which on all were, in the usual time. `slowest` waited for so
    long."""

    asked: int
    made: int
    failed: int
    first_after: float | None
    steady_after: float | None
    slowest: float


class Drill(msgspec.Struct, rename="camel", frozen=True):
    """A rack, zone, agent, controller or the store died, and came back. Times are since it died,
    `back` and `settled` since it returned. None: it did not happen in the time that was waited.

    `vms` were on it, `lost` were lost with it, and `stopped` are those whose guests ran and ended.
    `replaced` of the lost were made again elsewhere, while it was away; of the others the
    `refusals` tell.
    """

    kind: str
    name: str
    hosts: int
    vms: int
    lost: int
    stopped: int
    first_missing: float | None
    all_missing: float | None
    replaced: int
    not_replaced: int
    refusals: tuple[NotMade, ...]
    replaced_after: float | None
    by_zone: dict[str, int]
    outage: float
    back_after: float | None
    settled_after: float | None
    probes: Probes
    moments: tuple[Moment, ...] = ()
    samples: tuple[DrillSample, ...] = ()

    @property
    def takes_vms(self) -> bool:
        """What is on its hosts is lost with it."""
        return self.kind in ("rack", "zone")


class Loss(msgspec.Struct, rename="camel", frozen=True):
    """These died at once; of the VMs on them so many would find no room on what is left."""

    names: tuple[str, ...]
    hosts: int
    vms: int
    no_room: int
    refusals: tuple[NotMade, ...] = ()


class Survival(msgspec.Struct, rename="camel", frozen=True):
    """Whether the others hold all when so many of a kind are `away`. Of the `of` choices there are,
    `tried` were: all, or those in which most runs. With `lacking` of them some VMs find no room;
    `worst` tells of the worst, the worst first."""

    kind: str
    away: int
    of: int
    tried: int
    lacking: int
    vms_most: int
    no_room_most: int
    worst: tuple[Loss, ...]

    @property
    def survives(self) -> bool:
        """As far as was tried."""
        return not self.lacking

    @property
    def is_whole(self) -> bool:
        return self.tried == self.of


class EventOutcome(msgspec.Struct, rename="camel", frozen=True):
    """What came of an event: the VMs it met, and when it was known and over, since it happened."""

    at: float
    what: str
    happening: str
    hosts: int
    vms: int
    known_after: float | None = None
    over_after: float | None = None
    replaced: int = 0
    not_replaced: int = 0
    note: str = ""


class Timeline(msgspec.Struct, rename="camel", frozen=True):
    seconds: float
    samples: tuple[Sample, ...]
    events: tuple[EventOutcome, ...]
    arriving: tuple[SetOutcome, ...]


class ZoneTotals(msgspec.Struct, rename="camel", frozen=True):
    """What its hosts offer, overcommit included."""

    zone: str
    hosts: int
    racks: int
    cpus: int
    memory_mib: int
    datastore_gib: int


class Result(msgspec.Struct, rename="camel", frozen=True):
    """`findings` are those of an audit at the end, which should be none."""

    mode: Mode
    seed: int
    controllers: int
    zones: tuple[ZoneTotals, ...]
    fits: tuple[Fit, ...]
    standing: tuple[SetOutcome, ...]
    loads: tuple[HostLoad, ...]
    balance: Balance | None
    survivals: tuple[Survival, ...]
    drills: tuple[Drill, ...]
    timeline: Timeline | None
    findings: tuple[str, ...]
    notes: tuple[str, ...] = ()
    format: int = FORMAT

    @property
    def hosts(self) -> int:
        return sum(zone.hosts for zone in self.zones)


class Lacking(Protocol):
    """What a host lacks, of the domain's or of the wire's."""

    @property
    def reason(self) -> str: ...
    @property
    def needed(self) -> int | None: ...
    @property
    def free(self) -> int | None: ...


def nearest_told(host: str, lacks: Sequence[Lacking]) -> str:
    """What the host that came nearest to taking one more lacks."""
    told = [
        each.reason
        if each.needed is None
        else f"{each.reason} ({each.needed} needed, {each.free} free)"
        for each in lacks
    ]
    return f"{host}: {', '.join(told)}" if told else ""


def balance_of(loads: list[float]) -> Balance:
    """Of at least one host."""
    count = len(loads)
    mean = sum(loads) / count
    variance = sum((load - mean) ** 2 for load in loads) / count
    tenths = [0] * 10
    for load in loads:
        tenths[min(9, int(load * 10))] += 1
    least, most = round(min(loads), 4), round(max(loads), 4)
    return Balance(least, round(mean, 4), most, round(variance**0.5, 4), tuple(tenths))
