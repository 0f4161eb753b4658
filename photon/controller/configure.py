"""Makes a controller's configuration of its settings, and shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from photon.controller.config import IN_STORE, ControllerConfig
from photon.controller.setting_values import host_port
from photon.controller.settings import SETTINGS, Settings, SettingsWrong
from photon.coordination.ensemble import Ensemble
from photon.coordination.terms import LeaseTerms
from photon.domain.overcommit import Overcommit
from photon.rpc.tls import MutualTls
from photon.scheduler.policy import Policy
from photon.scheduler.shape import TreeShape
from photon.tasks.runner import TaskLimits

# One listens at these, and nobody can call there.
_ANYWHERE: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104  it is compared, not listened at


def configured(settings: Settings) -> ControllerConfig:
    """Raises SettingsWrong: a file that they name cannot be read."""
    values = settings.values
    host, port = host_port(values["listen"], least=0)
    return ControllerConfig(
        data_dir=values["data_dir"],
        listen_host=host,
        listen_port=port,
        advertise=values["advertise"],
        name=values["name"],
        limits=TaskLimits(values["workers"], values["queue"]),
        store=values["store"],
        images=values["images_dir"],
        ensemble=_ensemble(settings),
        lease=LeaseTerms(values["lease_seconds"]),
        farewell_seconds=values["farewell_seconds"],
        nodes=_nodes(values),
        nodes_tls=_tls(values, "nodes"),
        agents_tls=_tls(values, "agents"),
        shape=TreeShape(values["leaf_hosts"], values["fan_out"]),
        overcommit=Overcommit(values["cpu_overcommit"], values["memory_overcommit"]),
        policy=Policy(failover_share=values["failover_share"]),
        verbose=values["verbose"],
    )


def _nodes(values: Mapping[str, Any]) -> tuple[str, int]:
    """Where others ask this controller's leaves: somewhere that they can reach."""
    if values["nodes"]:
        return host_port(values["nodes"], least=0)
    host = host_port(values["listen"], least=0)[0]
    if host in _ANYWHERE:
        host = urlsplit(values["advertise"]).hostname or host
    return host, 0


def _tls(values: Mapping[str, Any], whom: str) -> MutualTls | None:
    names = (f"{whom}_ca", f"{whom}_certificate", f"{whom}_key")
    files = [values[name] for name in names]
    if not any(files):
        return None
    if None in files:
        raise SettingsWrong([f"{', '.join(names)}: give all three or none"])
    tls = MutualTls(*files)
    try:
        tls.client()
        tls.server()
    except OSError as problem:
        raise SettingsWrong([f"{', '.join(names)}: they cannot be used: {problem}"]) from problem
    return tls


def _ensemble(settings: Settings) -> Ensemble | None:
    values = settings.values
    if values["coordination"] == IN_STORE:
        return None
    problems = [
        f"{settings.sources[name]}: {name}: there is no file {values[name]}"
        for name in ("coordination_ca", "coordination_certificate", "coordination_key")
        if values[name] is not None and not values[name].is_file()
    ]
    password = ""
    if values["coordination_password_file"] is not None:
        try:
            password = _first_line(values["coordination_password_file"])
        except OSError as problem:
            problems.append(f"coordination_password_file: it cannot be read: {problem.strerror}")
    if problems:
        raise SettingsWrong(problems)
    servers, slash, root = values["coordination"].partition("/")
    return Ensemble(
        servers,
        slash + root,
        values["coordination_user"],
        password,
        values["coordination_ca"],
        values["coordination_certificate"],
        values["coordination_key"],
    )


def _first_line(path: Path) -> str:
    with path.open(encoding="utf-8") as file:
        return file.readline(1024).rstrip("\n")


def shown(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """Each setting's name, its value without secrets, and where it was said."""
    for setting in SETTINGS:
        value = settings.values[setting.name]
        if setting.secret and value:
            value = _without_password(value)
        if isinstance(value, bool):
            value = str(value).lower()
        text = "" if value is None else str(value)
        yield setting.name, text, settings.sources[setting.name]


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    if parts.password is None:
        return url
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username}:***@{place}"))
