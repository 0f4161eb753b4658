"""How hard a simulation is on a cloud: what always is so, and how often which fault comes.

A hostile seed does not have all kinds of faults at once: it draws some of them, each more or less
often than here. So a fault that would be hidden behind another is met by itself in some seeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from random import Random
from typing import Final

from photon.simulation.conditions import Link
from photon.simulation.line import LineConditions
from photon.simulation.store import StoreConditions

DRAWN_SHARE: Final = 0.6  # Of the kinds of faults, so many come in a seed.
OFTENER_MAX: Final = 4.0  # And so many times as often as usual, or as rarely.


class FaultKind(StrEnum):
    """What a schedule can do to a cloud."""

    # Programs
    CRASH_CONTROLLER = "crash-controller"  # at any moment
    CRASH_AT_COMMIT = "crash-at-commit"  # at the n-th commit, before it or just after it
    CRASH_AT_MESSAGE = "crash-at-message"  # at the n-th message of a controller or an agent
    CRASH_AGENT = "crash-agent"
    CRASH_HOST = "crash-host"  # with its network; its guests are off when it is back
    FREEZE_CONTROLLER = "freeze-controller"  # for less than its lease, or for more
    FREEZE_AGENT = "freeze-agent"
    EXPIRE_SESSION = "expire-session"  # or, where the store tells who lives, its lease's end
    STEP_CLOCK = "step-clock"
    # The network
    PARTITION = "partition"
    CUT_ONE_WAY = "cut-one-way"
    SLOW_MACHINE = "slow-machine"
    RESET_CONNECTIONS = "reset-connections"
    # Hosts
    FILL_DATASTORE = "fill-datastore"
    FAIL_CREATES = "fail-creates"
    FAIL_FETCHES = "fail-fetches"
    REFUSE_POWER = "refuse-power"
    REFUSE_ATTACH = "refuse-attach"
    BREAK_ATTACH = "break-attach"  # it fails, and the disk is attached
    KILL_GUEST = "kill-guest"
    # The store, and the ensemble
    STORE_AWAY = "store-away"  # as while it is started again
    STORE_FAILS_OVER = "store-fails-over"  # to a standby that has all that was acknowledged
    STORE_HANGS = "store-hangs"
    STORE_FULL = "store-full"
    CUT_FROM_STORE = "cut-from-store"
    TRIM_FEED = "trim-feed"  # who is far behind cannot hear what it missed
    ENSEMBLE_AWAY = "ensemble-away"
    ENSEMBLE_HANGS = "ensemble-hangs"
    CUT_FROM_ENSEMBLE = "cut-from-ensemble"


# The agent answers, and what it answers is not always yes.
OF_DRIVERS: Final = frozenset(
    {
        FaultKind.FILL_DATASTORE,
        FaultKind.FAIL_CREATES,
        FaultKind.FAIL_FETCHES,
        FaultKind.REFUSE_POWER,
        FaultKind.REFUSE_ATTACH,
        FaultKind.BREAK_ATTACH,
        FaultKind.KILL_GUEST,
    }
)


@dataclass(frozen=True, slots=True)
class Profile:
    """`faults` are means: so many seconds between two of a kind.

    `clock_rate` and `clock_offset_seconds` are the most that a machine's clock is off.
    """

    name: str
    link: Link = field(default_factory=Link)
    store_line: LineConditions = field(default_factory=LineConditions)
    store: StoreConditions = field(default_factory=StoreConditions)
    ensemble_line: LineConditions = field(default_factory=LineConditions)
    clock_rate: float = 0.0
    clock_offset_seconds: float = 0.0
    faults: Mapping[FaultKind, float] = field(default_factory=dict)
    swarm: bool = False  # a seed draws which kinds it has, and how often they come

    @property
    def reaches_hosts(self) -> bool:
        """Whether every call to a host comes through once, and is answered."""
        link = self.link
        calm = not (link.loss or link.duplicate or link.reorder)
        return calm and self.faults.keys() <= OF_DRIVERS

    @property
    def only_hosts_fail(self) -> bool:
        """Whether controllers, and what they stand on, always do what they should."""
        calm = (self.link, self.store_line, self.store) == (CALM.link, CALM.store_line, CALM.store)
        return calm and self.faults.keys() <= {FaultKind.CRASH_HOST, *OF_DRIVERS}

    def drawn(self, random: Random) -> Profile:
        """What one seed has of it."""
        if not self.swarm:
            return self
        faults: dict[FaultKind, float] = {}
        for kind, seconds in self.faults.items():
            comes, oftener = random.random() < DRAWN_SHARE, random.uniform(-1.0, 1.0)
            if comes:
                faults[kind] = seconds * OFTENER_MAX**oftener
        return replace(self, faults=faults)

    def without(self, kinds: frozenset[FaultKind]) -> Profile:
        """The same, spared some faults: for who looks for the one that matters."""
        kept = {kind: mean for kind, mean in self.faults.items() if kind not in kinds}
        return replace(self, faults=kept)


CALM: Final = Profile(
    "calm",
    link=Link(0.0002, 0.002),
    store_line=LineConditions(0.0002, 0.002),
    store=StoreConditions(notice_seconds_max=0.01),
    ensemble_line=LineConditions(0.0005, 0.005),
)

LOSSY: Final = Profile(
    "lossy",
    link=Link(0.0002, 0.02, loss=0.005, duplicate=0.01, reorder=0.02, reorder_seconds=0.1),
    store_line=LineConditions(0.0002, 0.02, lost_questions=0.002, lost_answers=0.002),
    store=StoreConditions(notice_seconds_max=0.2, lost_notices=0.05, rolled_back=0.005),
    ensemble_line=LineConditions(0.0005, 0.02, lost_questions=0.002, lost_answers=0.002),
    clock_rate=0.005,
    clock_offset_seconds=60.0,
    faults={
        FaultKind.RESET_CONNECTIONS: 20.0,
        FaultKind.SLOW_MACHINE: 20.0,
        FaultKind.CUT_ONE_WAY: 40.0,
        FaultKind.KILL_GUEST: 30.0,
        FaultKind.STEP_CLOCK: 60.0,
    },
)

HOSTILE: Final = Profile(
    "hostile",
    link=Link(0.0002, 0.05, loss=0.005, duplicate=0.02, reorder=0.05, reorder_seconds=0.3),
    store_line=LineConditions(0.0002, 0.03, lost_questions=0.005, lost_answers=0.005),
    store=StoreConditions(notice_seconds_max=0.5, lost_notices=0.1, rolled_back=0.01),
    ensemble_line=LineConditions(0.0005, 0.1, lost_questions=0.005, lost_answers=0.005),
    clock_rate=0.02,
    clock_offset_seconds=3600.0,
    faults={
        FaultKind.CRASH_CONTROLLER: 40.0,
        FaultKind.CRASH_AT_COMMIT: 40.0,
        FaultKind.CRASH_AT_MESSAGE: 30.0,
        FaultKind.CRASH_AGENT: 30.0,
        FaultKind.CRASH_HOST: 60.0,
        FaultKind.FREEZE_CONTROLLER: 40.0,
        FaultKind.FREEZE_AGENT: 40.0,
        FaultKind.EXPIRE_SESSION: 90.0,
        FaultKind.STEP_CLOCK: 60.0,
        FaultKind.PARTITION: 60.0,
        FaultKind.CUT_ONE_WAY: 40.0,
        FaultKind.SLOW_MACHINE: 40.0,
        FaultKind.RESET_CONNECTIONS: 30.0,
        FaultKind.FILL_DATASTORE: 40.0,
        FaultKind.FAIL_CREATES: 20.0,
        FaultKind.FAIL_FETCHES: 40.0,
        FaultKind.REFUSE_POWER: 40.0,
        FaultKind.REFUSE_ATTACH: 40.0,
        FaultKind.BREAK_ATTACH: 40.0,
        FaultKind.KILL_GUEST: 15.0,
        FaultKind.STORE_AWAY: 90.0,
        FaultKind.STORE_HANGS: 60.0,
        FaultKind.STORE_FULL: 90.0,
        FaultKind.CUT_FROM_STORE: 60.0,
        FaultKind.TRIM_FEED: 90.0,
        FaultKind.ENSEMBLE_AWAY: 90.0,
        FaultKind.ENSEMBLE_HANGS: 90.0,
        FaultKind.CUT_FROM_ENSEMBLE: 90.0,
        FaultKind.STORE_FAILS_OVER: 90.0,
    },
    swarm=True,
)

# What follows looks at one side of things, and closely: for who looks for something there.

FREEZING: Final = replace(
    CALM,
    name="freezing",
    link=Link(0.005, 0.1),
    faults={
        FaultKind.FREEZE_CONTROLLER: 10.0,
        FaultKind.FREEZE_AGENT: 20.0,
        FaultKind.EXPIRE_SESSION: 60.0,
    },
)

CRASHING: Final = replace(
    CALM,
    name="crashing",
    link=Link(0.0002, 0.02),
    faults={
        FaultKind.CRASH_AT_COMMIT: 10.0,
        FaultKind.CRASH_AT_MESSAGE: 10.0,
        FaultKind.CRASH_HOST: 40.0,
    },
)

DYING: Final = replace(
    CALM,
    name="dying",
    faults={FaultKind.CRASH_HOST: 20.0, FaultKind.KILL_GUEST: 30.0},
)

# Clocks are set anew while some cannot renew their leases.
JUMPING: Final = replace(
    CALM,
    name="jumping",
    clock_rate=0.02,
    clock_offset_seconds=600.0,
    faults={
        FaultKind.STEP_CLOCK: 3.0,
        FaultKind.CUT_FROM_STORE: 15.0,
        FaultKind.EXPIRE_SESSION: 20.0,
        FaultKind.CUT_FROM_ENSEMBLE: 30.0,
    },
)

# A frame in twenty comes once more up to half a minute later, when much has happened since.
LATE: Final = replace(
    CALM,
    name="late",
    link=Link(0.0002, 0.02, duplicate=0.05, reorder=0.01, reorder_seconds=30.0),
)

FAILING: Final = replace(
    CALM,
    name="failing",
    faults={
        FaultKind.FAIL_CREATES: 5.0,
        FaultKind.FAIL_FETCHES: 20.0,
        FaultKind.REFUSE_POWER: 15.0,
        FaultKind.REFUSE_ATTACH: 15.0,
        FaultKind.BREAK_ATTACH: 1.0,
        FaultKind.FILL_DATASTORE: 15.0,
    },
)

LOSING: Final = replace(
    CALM,
    name="losing",
    store_line=LineConditions(0.0002, 0.01, lost_questions=0.03, lost_answers=0.03),
    store=StoreConditions(notice_seconds_max=0.5, lost_notices=0.5, rolled_back=0.02),
    ensemble_line=LineConditions(0.0005, 0.01, lost_questions=0.02, lost_answers=0.02),
    faults={
        FaultKind.STORE_AWAY: 40.0,
        FaultKind.STORE_HANGS: 40.0,
        FaultKind.STORE_FAILS_OVER: 60.0,
    },
)

TRIMMING: Final = replace(
    CALM,
    name="trimming",
    store=StoreConditions(notice_seconds_max=0.5, lost_notices=0.5),
    faults={FaultKind.TRIM_FEED: 15.0, FaultKind.CUT_FROM_STORE: 40.0},
)

PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        *(CALM, LOSSY, HOSTILE),
        *(FREEZING, CRASHING, DYING, JUMPING, LATE, FAILING, LOSING, TRIMMING),
    )
}
