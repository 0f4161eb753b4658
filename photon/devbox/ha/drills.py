"""What may fail, one at a time: how it is brought about, and how it is mended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from photon.devbox.ha import postgres, servers, zookeeper
from photon.devbox.ha.cloud import HaCloud
from photon.devbox.ha.layout import members

HELD_SECONDS: Final = 15.0  # What nothing can replace is mended after so long.
BACK_SECONDS: Final = 5.0  # As soon as a service manager would have it back, a slow one.


@dataclass(frozen=True, slots=True)
class Drill:
    """`harm` answers what it did it to; `mend` is given that, and returns when all is well."""

    name: str
    what: str
    harm: Callable[[HaCloud], list[str]]
    mend: Callable[[HaCloud, list[str]], None]


def _primary(cloud: HaCloud) -> str:
    cloud.wait_standbys()
    name = cloud.primary()
    assert name is not None, "it has just been there"
    return name


def _kill_database(cloud: HaCloud) -> list[str]:
    name = _primary(cloud)
    assert cloud.kill_database(name), "a primary has a server"
    return [name]


def _kill_primary(cloud: HaCloud) -> list[str]:
    name = _primary(cloud)
    cloud.kill(name)
    return [name]


def _freeze_primary(cloud: HaCloud) -> list[str]:
    name = _primary(cloud)
    cloud.freeze(name)
    return [name]


def _switch_over(cloud: HaCloud) -> list[str]:
    _primary(cloud)
    cloud.switchover()
    return []


def _standbys(cloud: HaCloud) -> list[str]:
    leader = _primary(cloud)
    return [name for n in members() if (name := f"{postgres.KIND}-{n}") != leader]


def _kill(cloud: HaCloud, names: list[str]) -> list[str]:
    for name in names:
        cloud.kill(name)
    return names


def _kill_zookeeper_leader(cloud: HaCloud) -> list[str]:
    states = [state for state in cloud.status() if state.role == "leader"]
    return _kill(cloud, [states[0].name])


def _start(cloud: HaCloud, names: list[str]) -> None:
    for name in names:
        cloud.launch(name)
    for name in names:
        cloud.start(name)


def _wait_leader(cloud: HaCloud, names: list[str]) -> None:
    """Another member is the primary; then the old one comes back."""
    cloud.wait_primary(other_than=names)
    _start(cloud, names)


def _thaw(cloud: HaCloud, names: list[str]) -> None:
    cloud.wait_primary(other_than=names)
    for name in names:
        cloud.thaw(name)


def _soon(cloud: HaCloud, names: list[str]) -> None:
    time.sleep(BACK_SECONDS)
    _start(cloud, names)


def _later(cloud: HaCloud, names: list[str]) -> None:
    time.sleep(HELD_SECONDS)
    _start(cloud, names)


def _nothing(cloud: HaCloud, names: list[str]) -> None:
    return


DRILLS: Final = (
    Drill(
        "database",
        "kill -9 of the primary's database server; its Patroni lives",
        _kill_database,
        _wait_leader,
    ),
    Drill("switchover", "another member made the primary, in order", _switch_over, _nothing),
    Drill("primary", "kill -9 of the primary and its Patroni", _kill_primary, _wait_leader),
    Drill("frozen", "the primary and its Patroni stop (SIGSTOP)", _freeze_primary, _thaw),
    Drill(
        "standby",
        "kill -9 of one standby",
        lambda cloud: _kill(cloud, _standbys(cloud)[:1]),
        _later,
    ),
    Drill(
        "standbys",
        f"kill -9 of both standbys, for {HELD_SECONDS:.0f} s",
        lambda cloud: _kill(cloud, _standbys(cloud)),
        _later,
    ),
    Drill("zookeeper", "kill -9 of the ensemble's leader", _kill_zookeeper_leader, _later),
    Drill(
        "ensemble",
        f"kill -9 of all three ZooKeeper servers, for {HELD_SECONDS:.0f} s",
        lambda cloud: _kill(cloud, [f"{zookeeper.KIND}-{n}" for n in members()]),
        _later,
    ),
    Drill(
        "controller",
        "kill -9 of one controller",
        lambda cloud: _kill(cloud, [f"{servers.CONTROLLER}-1"]),
        _later,
    ),
    Drill(
        "haproxy",
        f"kill -9 of haproxy, for {BACK_SECONDS:.0f} s",
        lambda cloud: _kill(cloud, [servers.PROXY]),
        _soon,
    ),
)
