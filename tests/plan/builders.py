"""Results as a plan might find them, without a simulation; and plans' files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from photon.plan.result import (
    Drill,
    DrillSample,
    EventOutcome,
    Fit,
    HostLoad,
    Loss,
    Mode,
    Moment,
    NotMade,
    Probes,
    Reason,
    Result,
    Sample,
    SetOutcome,
    Survival,
    Timeline,
    ZoneTotals,
    balance_of,
)

HOSTS = """
hosts:
  - {name: compute, count: 4, cpus: 4, memory: 16GB, datastores: [{name: local, size: 100GB}]}
"""
WORKLOAD = """
flavors: {small: {cpus: 1, memory: 4GB}}
"""

Write = Callable[[str, str], Path]


def a_sample(at: float, **changes: object) -> Sample:
    members: dict[str, object] = {
        "vms": int(at / 10),
        "running": int(at / 10),
        "unreachable": 0,
        "hosts_missing": 0,
        "refused": 0,
        "memory": {"east": min(1.0, at / 4000), "west": min(1.0, at / 5000)},
        "cpu": {"east": min(1.0, at / 8000), "west": min(1.0, at / 9000)},
    }
    return Sample(at=at, **{**members, **changes})  # type: ignore[arg-type]  # its members, by their names


def a_fit(flavor: str = "small", **changes: object) -> Fit:
    members: dict[str, object] = {
        "on": "empty",
        "made": 240,
        "scheduler_said": 240,
        "exact": True,
        "by_zone": {"east": 120, "west": 120},
        "said_by_zone": {"east": 120, "west": 120},
        "runs_out_first": "TOO_LITTLE_MEMORY",
        "why": (Reason("TOO_LITTLE_MEMORY", 16, 8192, 2048),),
        "nearest": "compute-e1-1 lacks 6144 MB of memory",
        "balance": balance_of([0.9, 0.97, 0.99, 1.0]),
        "took_seconds": 61.5,
    }
    return Fit(flavor=flavor, **{**members, **changes})  # type: ignore[arg-type]  # its members, by their names


def a_drill(kind: str, name: str, **changes: object) -> Drill:
    away = [(0, 17, 0), (12.5, 17, 4), (90, 3, 4), (95, 0, 4), (316, 0, 0)]
    members: dict[str, object] = {
        "hosts": 4,
        "vms": 17,
        "first_missing": 11.25,
        "all_missing": 12.5,
        "lost": 17,
        "stopped": 17,
        "replaced": 17,
        "not_replaced": 0,
        "refusals": (),
        "replaced_after": 95.0,
        "by_zone": {"west": 17},
        "outage": 300.0,
        "back_after": 16.0,
        "settled_after": 45.0,
        "probes": Probes(170, 165, 5, 2.4, 38.0, 61.5),
        "moments": (Moment(0.0, "power off"), Moment(12.5, "all MISSING"), Moment(300.0, "back")),
        "samples": tuple(DrillSample(*each) for each in away),
    }
    return Drill(kind=kind, name=name, **{**members, **changes})  # type: ignore[arg-type]  # its members, by their names


def a_set(name: str = "web", **changes: object) -> SetOutcome:
    members: dict[str, object] = {
        "flavor": "small",
        "asked": 60,
        "made": 60,
        "started": 60,
        "refused": 0,
        "failed": 0,
        "ended": 0,
        "by_zone": {"east": 30, "west": 30},
    }
    return SetOutcome(name=name, **{**members, **changes})  # type: ignore[arg-type]  # its members, by their names


SURVIVALS = (
    Survival("rack", 1, 4, 4, 0, 17, 0, (Loss(("e1",), 4, 17, 0),)),
    Survival(
        "rack",
        2,
        6,
        5,
        2,
        33,
        7,
        (
            Loss(("e1", "w1"), 8, 33, 7, (NotMade("web", 7, "8 hosts asked: 8 are full"),)),
            Loss(("e1", "w2"), 8, 31, 5),
        ),
    ),
)


def a_result(**changes: object) -> Result:
    loads = tuple(
        HostLoad(f"compute-{rack}-{n}", rack_zone, rack, n, n / 40, n / 12)
        for rack, rack_zone in (("e1", "east"), ("e2", "east"), ("w1", "west"), ("w2", "west"))
        for n in range(1, 9)
    )
    events = (
        EventOutcome(600.0, "rack e1", "dies", 4, 17, 12.0, 95.0, 15, 2, "2 found no room"),
        EventOutcome(1200.0, "rack e1", "returns", 4, 0, 9.0, 15.0),
    )
    refused = {"asked": 118, "made": 110, "refused": 8, "ended": 80, "refusal": "No host has room."}
    timeline = Timeline(
        3600.0,
        tuple(a_sample(at) for at in range(0, 3600, 30)),
        events,
        (a_set("batch", **refused),),
    )
    refusals = (NotMade("web", 7, "12 hosts asked: 12 have too little memory"),)
    no_room = {"replaced": 10, "not_replaced": 7, "refusals": refusals}
    members: dict[str, object] = {
        "seed": 1,
        "controllers": 3,
        "zones": (
            ZoneTotals("east", 8, 2, 4096, 1 << 20, 8192),
            ZoneTotals("west", 8, 2, 4096, 1 << 20, 8192),
        ),
        "fits": (a_fit(), a_fit("database", made=24, scheduler_said=25, exact=False)),
        "standing": (a_set(), a_set("db", asked=6, made=5, refused=1, refusal="No host has room.")),
        "loads": loads,
        "balance": balance_of([load.load for load in loads]),
        "mode": Mode.PLAYED,
        "survivals": SURVIVALS,
        "drills": (
            a_drill("rack", "e1"),
            a_drill("rack", "w1", **no_room),
            a_drill("zone", "east"),
            a_drill("store", "store", hosts=0, vms=0, lost=0, stopped=0, all_missing=None),
        ),
        "timeline": timeline,
        "findings": (),
    }
    return Result(**{**members, **changes})  # type: ignore[arg-type]  # its members, by their names
