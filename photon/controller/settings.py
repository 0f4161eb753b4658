"""The settings of a controller: from flags, PHOTON_* variables, a file, or by default.

The first of these four that says something counts. All that is wrong is told at once, each with the
place where it was said.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from photon.controller.config import DEFAULT_LISTEN
from photon.controller.setting_values import (
    a_flag,
    a_name,
    a_path,
    a_store,
    a_text,
    a_url,
    an_address,
    an_ensemble,
    factor,
    perhaps_an_address,
    seconds,
    share,
    whole,
)
from photon.coordination.terms import LEASE_SECONDS
from photon.domain.overcommit import CPU_OVERCOMMIT, MEMORY_OVERCOMMIT, OVERCOMMIT_MAX
from photon.scheduler.policy import FAILOVER_SHARE
from photon.scheduler.shape import FAN_OUT_MAX, LEAF_HOSTS_MAX
from photon.tasks.runner import TASKS_RUNNING_MAX, TASKS_WAITING_MAX

FILE_BYTES_MAX: Final = 1 << 20  # A file of settings has a page or two.
LEASE_SECONDS_MIN, LEASE_SECONDS_MAX = 2.0, 300.0  # Below, a busy machine's pauses are deaths.
# A placement looks at all hosts of a leaf, and a branch at all its children each second: beyond
# these, one of either would hold up everybody else for milliseconds.
LEAF_HOSTS_SET_MAX, FAN_OUT_SET_MAX = 4096, 1024
FAILOVER_SHARE_MAX: Final = 0.9  # Something is left for VMs whose hosts are well.
FAREWELL_SECONDS_MAX: Final = 300.0  # What is to be stopped should stop while somebody waits.


@dataclass(frozen=True, slots=True)
class Setting:
    """`parse` takes what a file, a variable or a flag says; ValueError has the reason against it.

    Its flag is --NAME, its variable PHOTON_NAME, in a file it is NAME.
    """

    name: str
    parse: Callable[[Any], Any]
    default: Any
    help: str
    secret: bool = False

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        return f"PHOTON_{self.name.upper()}"


SETTINGS: Final = (
    Setting("data_dir", a_path, None, "What this controller keeps: its own store, and images."),
    Setting(
        "store",
        a_store,
        "",
        "URL of the CloudStore: postgresql://HOST/DATABASE, for several controllers. "
        "Without it: a file in data_dir, for this one alone.",
        secret=True,
    ),
    Setting(
        "coordination",
        an_ensemble,
        "store",
        "Where controllers learn of each other: store, or zookeeper://H:P,H:P,H:P/ROOT.",
    ),
    Setting("coordination_user", a_text, "", "Who this is to ZooKeeper (digest)."),
    Setting("coordination_password_file", a_path, None, "Its first line is that one's password."),
    Setting("coordination_ca", a_path, None, "PEM; speak TLS with servers that it has signed."),
    Setting("coordination_certificate", a_path, None, "PEM; what this controller shows them."),
    Setting("coordination_key", a_path, None, "PEM; of that certificate."),
    Setting("images_dir", a_path, None, "Shared by all controllers. Without it: in data_dir."),
    Setting("listen", an_address, DEFAULT_LISTEN, "HOST:PORT of the API."),
    Setting("advertise", a_url, "", "URL by which agents and others reach this controller."),
    Setting(
        "nodes",
        perhaps_an_address,
        "",
        "HOST:PORT at which other controllers ask this one's leaves. Without it: the host of "
        "listen (or, where that is any, of advertise), and a port that is free.",
    ),
    Setting("nodes_ca", a_path, None, "PEM; talk of leaves with controllers that it has signed."),
    Setting("nodes_certificate", a_path, None, "PEM; what this controller shows the others."),
    Setting("nodes_key", a_path, None, "PEM; of that certificate."),
    Setting("agents_ca", a_path, None, "PEM; speak TLS with agents that it has signed."),
    Setting("agents_certificate", a_path, None, "PEM; what this controller shows agents."),
    Setting("agents_key", a_path, None, "PEM; of that certificate."),
    Setting(
        "leaf_hosts",
        whole(1, LEAF_HOSTS_SET_MAX),
        LEAF_HOSTS_MAX,
        "Hosts in a leaf of the scheduler tree at most. The same for all controllers.",
    ),
    Setting(
        "fan_out",
        whole(2, FAN_OUT_SET_MAX),
        FAN_OUT_MAX,
        "Children of a branch of that tree at most: fewer make it deeper.",
    ),
    Setting(
        "cpu_overcommit",
        factor(OVERCOMMIT_MAX),
        CPU_OVERCOMMIT,
        "vCPUs promised for each CPU of a host, unless its metadata CPU_OVERCOMMIT says otherwise. "
        "Hosts hear of another value by `photon infrastructure sync-hosts-config`.",
    ),
    Setting(
        "memory_overcommit",
        factor(OVERCOMMIT_MAX),
        MEMORY_OVERCOMMIT,
        "The same of memory; the host's metadata is MEMORY_OVERCOMMIT.",
    ),
    Setting(
        "failover_share",
        share(FAILOVER_SHARE_MAX),
        FAILOVER_SHARE,
        "Of each host's CPUs and memory, what only VMs of failed hosts get: with n hosts, 1/n lets "
        "one of them fail. The same for all controllers.",
    ),
    Setting("name", a_name, "controller-1", "Shown in the status."),
    Setting("workers", whole(1, 2048), TASKS_RUNNING_MAX, "Tasks that run at once."),
    Setting(
        "queue",
        whole(0, 100_000),
        TASKS_WAITING_MAX,
        "Tasks that may wait beyond those; more are answered 503.",
    ),
    Setting(
        "lease_seconds",
        seconds(LEASE_SECONDS_MIN, LEASE_SECONDS_MAX),
        LEASE_SECONDS,
        "A controller that is silent for so long is dead. The same for all of them.",
    ),
    Setting(
        "farewell_seconds",
        seconds(0, FAREWELL_SECONDS_MAX),
        0.0,
        "Before it stops, it serves for so long and says that it is not available, so that a "
        "load balancer takes it out.",
    ),
    Setting("verbose", a_flag, default=False, help="Log what is done, not only what goes wrong."),
)
_BY_NAME: Final = {setting.name: setting for setting in SETTINGS}


class SettingsWrong(Exception):
    """`problems` are sentences, one for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting's value, and where it was said."""

    values: dict[str, Any]
    sources: dict[str, str]


@dataclass(slots=True)
class _Found:
    values: dict[str, Any] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def take(self, setting: Setting, said: Any, source: str) -> None:
        try:
            self.values[setting.name] = setting.parse(said)
        except ValueError as problem:
            self.problems.append(f"{source}: {setting.name}: {problem}")
            self.values[setting.name] = setting.default
        self.sources[setting.name] = source


def read_settings(
    flags: Mapping[str, Any], environ: Mapping[str, str], file: Path | None
) -> Settings:
    """The settings in force.

    Raises:
        SettingsWrong: with everything that is wrong with them.
    """
    found = _Found()
    in_file = _file_settings(file, found.problems) if file is not None else {}
    for name in sorted(in_file.keys() - _BY_NAME.keys()):
        known = ", ".join(_BY_NAME)
        found.problems.append(f"{file}: there is no setting {name!r}; there are {known}")
    for setting in SETTINGS:
        if flags.get(setting.name) is not None:
            found.take(setting, flags[setting.name], setting.flag)
        elif environ.get(setting.variable):
            found.take(setting, environ[setting.variable], setting.variable)
        elif setting.name in in_file:
            found.take(setting, in_file[setting.name], str(file))
        else:
            found.values[setting.name] = setting.default
            found.sources[setting.name] = "default"
    found.problems += _contradictions(found.values)
    if found.problems:
        raise SettingsWrong(found.problems)
    return Settings(found.values, found.sources)


def _file_settings(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            text = opened.read(FILE_BYTES_MAX + 1)
    except OSError as problem:
        problems.append(f"{file}: it cannot be read: {problem.strerror}")
        return {}
    if len(text) > FILE_BYTES_MAX:
        problems.append(f"{file}: it is longer than {FILE_BYTES_MAX} bytes; is it the right file?")
        return {}
    try:
        return tomllib.loads(text.decode())
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        problems.append(f"{file}: it is not TOML: {problem}")
        return {}


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    problems = []
    if values["data_dir"] is None:
        problems.append(
            "data_dir is missing: give --data-dir, PHOTON_DATA_DIR, or data_dir in the file"
        )
    ensemble = values["coordination"] != "store"
    if ensemble and not values["store"]:
        problems.append(
            "coordination: ZooKeeper is for several controllers, and they need a store that they "
            "share: set store to a postgresql:// URL, or coordination to store"
        )
    problems += [
        f"coordination_{name}: it means nothing without a zookeeper:// URL"
        for name in ("user", "password_file", "ca", "certificate", "key")
        if values[f"coordination_{name}"] and not ensemble
    ]
    if bool(values["coordination_user"]) != bool(values["coordination_password_file"]):
        problems.append("coordination_user and coordination_password_file go together")
    if bool(values["coordination_certificate"]) != bool(values["coordination_key"]):
        problems.append("coordination_certificate and coordination_key go together")
    if values["coordination_certificate"] and not values["coordination_ca"]:
        problems.append("coordination_certificate: TLS needs coordination_ca too")
    return problems
