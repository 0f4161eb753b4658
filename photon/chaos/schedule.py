"""What is broken, when and for how long: drawn from a seed before anything begins."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from random import Random
from typing import Final

from photon.chaos.part import Kind


class Action(StrEnum):
    KILL = "kill -9"
    FREEZE = "freeze"  # for less than a lease
    FREEZE_LONG = "freeze long"  # for longer than a lease
    RESTART = "restart"  # in order
    CUT = "cut off"
    CUT_LONG = "cut off long"


class Role(StrEnum):
    """Which part of its kind: any, or the one that leads, or one that does not."""

    ANY = "any"
    LEADER = "leader"
    OTHER = "other"


CUTS: Final = frozenset((Action.CUT, Action.CUT_LONG))
# Of so many faults one comes while another is there.
PAIRS_ONE_IN: Final = 5
# How long a part stays dead; less than a lease is the quick service manager, more the slow one.
DEAD_SECONDS: Final = (0.5, 8.0)
REST_SECONDS: Final = (0.5, 2.0)  # Between one fault's end and the next one, all well meanwhile.
LONG_LEASES: Final = (1.5, 2.5)
SHORT_LEASES: Final = (0.2, 0.6)


@dataclass(frozen=True, slots=True)
class Target:
    kind: Kind
    role: Role = Role.ANY

    def __str__(self) -> str:
        """As it is called among people."""
        return _CALLED.get((self.kind, self.role), f"{self.kind}")


_CALLED: Final = {
    (Kind.POSTGRES, Role.LEADER): "PostgreSQL primary",
    (Kind.POSTGRES, Role.OTHER): "PostgreSQL standby",
    (Kind.ZOOKEEPER, Role.LEADER): "ZooKeeper leader",
    (Kind.ZOOKEEPER, Role.OTHER): "ZooKeeper follower",
    (Kind.CONTROLLER, Role.LEADER): "controller (chairman)",
    (Kind.CONTROLLER, Role.OTHER): "controller",
}

_ACTIONS: Final[dict[Kind, tuple[Action, ...]]] = {
    Kind.CONTROLLER: tuple(Action),
    Kind.AGENT: (Action.KILL, Action.FREEZE, Action.RESTART, Action.CUT),
    Kind.ZOOKEEPER: (Action.KILL, Action.FREEZE_LONG, Action.RESTART, Action.CUT_LONG),
    Kind.POSTGRES: (Action.KILL, Action.FREEZE_LONG, Action.RESTART, Action.CUT_LONG),
    # Nothing stands in for the only balancer: what it breaks lasts as long as it is away.
    Kind.HAPROXY: (Action.KILL, Action.FREEZE, Action.RESTART, Action.CUT),
}
_LED: Final = frozenset((Kind.POSTGRES, Kind.ZOOKEEPER, Kind.CONTROLLER))


@dataclass(frozen=True, slots=True)
class Planned:
    """One fault to come. `pick` chooses among the parts that `target` means, in [0, 1).

    It lasts `seconds`, and comes `rest_seconds` after the last one is over and healed; a
    `paired` one comes while that one lasts.
    """

    action: Action
    target: Target
    seconds: float
    rest_seconds: float
    pick: float
    paired: bool

    @property
    def name(self) -> str:
        """The kind of fault, as the table of recovery has it."""
        return f"{self.action} {self.target}"


def all_kinds(kinds: Sequence[Kind], *, cuts: bool) -> list[tuple[Action, Target]]:
    """Every fault that a cloud with these kinds of parts can have."""
    found: list[tuple[Action, Target]] = []
    for kind in kinds:
        roles = (Role.LEADER, Role.OTHER) if kind in _LED else (Role.ANY,)
        actions = [action for action in _ACTIONS[kind] if cuts or action not in CUTS]
        found += [(action, Target(kind, role)) for action in actions for role in roles]
    return found


def schedule(
    seed: int, faults: Sequence[tuple[Action, Target]], lease_seconds: float
) -> Iterator[Planned]:
    """Without end: each of `faults` once, in a drawn order; then all again in another."""
    assert faults, "a schedule of nothing"
    chance = Random(seed)
    while True:
        for number, (action, target) in enumerate(chance.sample(faults, len(faults))):
            paired = chance.randrange(PAIRS_ONE_IN) == 0 and number > 0
            yield Planned(
                action,
                target,
                round(_seconds(action, lease_seconds, chance), 2),
                round(chance.uniform(*REST_SECONDS), 2),
                chance.random(),
                paired,
            )


def _seconds(action: Action, lease_seconds: float, chance: Random) -> float:
    match action:
        case Action.KILL:
            return chance.uniform(*DEAD_SECONDS)
        case Action.FREEZE | Action.CUT:
            return lease_seconds * chance.uniform(*SHORT_LEASES)
        case Action.FREEZE_LONG | Action.CUT_LONG:
            return lease_seconds * chance.uniform(*LONG_LEASES)
        case Action.RESTART:
            return 0.0
