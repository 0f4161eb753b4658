"""What an agent is told at its start: checked here, and never again."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field, fields
from enum import StrEnum
from ipaddress import IPv4Network
from pathlib import Path

from photon.agent.drivers.simulated_site import HostShape, Latencies
from photon.agent.hosts import Credentials
from photon.rpc.network import split_endpoint

HOSTS_MAX = 100_000  # About 2.5 KiB each while they are empty.
SHARED_SUFFIX = ",shared"
FIRST_HOST_MAX = 9_999_999  # A name of seven digits; nobody has more hosts.


class DriverName(StrEnum):
    """Which hypervisor is behind the agent."""

    QEMU = "qemu"
    SIMULATED = "simulated"


class BadConfig(Exception):
    """A setting that cannot be used; the sentence says which, and what would do."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. Only callers with a certificate of `client_ca` may connect."""

    certificate: Path
    key: Path
    client_ca: Path

    def context(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=self.client_ca)
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as problem:
            raise BadConfig(f"The TLS files cannot be used: {problem}.") from problem
        context.verify_mode = ssl.CERT_REQUIRED
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        return context


@dataclass(frozen=True, slots=True)
class SimulatedConfig:
    """Only for the simulated driver."""

    hosts: int = 1
    first_host: int = 1  # its number in its name; processes that share a plane must not share names
    shape: HostShape = field(default_factory=HostShape)
    latencies: Latencies = field(default_factory=Latencies)

    def __post_init__(self) -> None:
        if not 1 <= self.hosts <= HOSTS_MAX:
            raise BadConfig(f"The number of hosts must be from 1 to {HOSTS_MAX}.")
        if not 1 <= self.first_host <= FIRST_HOST_MAX:
            raise BadConfig(f"The first host's number must be from 1 to {FIRST_HOST_MAX}.")
        shape = self.shape
        if min(shape.cpus, shape.memory_mib, shape.datastore_gib) < 1:
            raise BadConfig("A simulated host needs at least 1 CPU, 1 MiB and 1 GiB.")


@dataclass(frozen=True, slots=True)
class DatastoreConfig:
    """A directory by a name; `shared`: other hosts mount it too."""

    name: str
    directory: Path
    shared: bool = False


@dataclass(frozen=True, slots=True)
class QemuConfig:
    """Only for the QEMU driver. The first of the datastores also holds images and captures."""

    datastores: tuple[DatastoreConfig, ...] = ()
    networks: tuple[str, ...] = ("VM Network",)
    network_pool: IPv4Network | None = None  # guests' subnets are cut from it; None: the driver's
    network_scope: str = ""  # tells apart the bridges of several agents on one machine
    accel: str = "auto"


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """All settings of one agent process."""

    driver: DriverName
    listen: str = "127.0.0.1:8835"
    console_listen: str = "127.0.0.1:0"
    console_host: str | None = None  # under which others reach it; None: where it listens
    state_dir: Path | None = None
    credentials: Credentials | None = None
    tls: TlsFiles | None = None
    simulated: SimulatedConfig = field(default_factory=SimulatedConfig)
    qemu: QemuConfig = field(default_factory=QemuConfig)

    def __post_init__(self) -> None:
        for endpoint in (self.listen, self.console_listen):
            try:
                split_endpoint(endpoint)
            except ValueError as problem:
                raise BadConfig(f"{problem}; an example is 127.0.0.1:8835.") from problem
        if self.driver is DriverName.QEMU and self.state_dir is None:
            raise BadConfig("The QEMU driver needs --state-dir: its guests outlive the agent.")
        unreachable = {"0.0.0.0", "::"}  # noqa: S104  # compared with, not listened on
        if self.console_host is None and split_endpoint(self.console_listen)[0] in unreachable:
            raise BadConfig(
                "Say with --console-host under which name or address others reach the consoles: "
                "they listen on every address."
            )


def latencies_of(settings: tuple[str, ...]) -> Latencies:
    """Reads `create_vm=0.5` and its like. BadConfig."""
    known = {each.name for each in fields(Latencies)}
    seconds: dict[str, float] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        try:
            seconds[name] = float(value)
        except ValueError as problem:
            raise BadConfig(f"{setting!r} is not of the form create_vm=0.5.") from problem
        if name not in known or not 0 <= seconds[name] < float("inf"):
            raise BadConfig(f"{setting!r}: the operations are {', '.join(sorted(known))}.")
    return Latencies(**seconds)


def pool_of(setting: str | None) -> IPv4Network | None:
    """Reads an IPv4 network. BadConfig."""
    try:
        return IPv4Network(setting) if setting else None
    except ValueError as problem:
        raise BadConfig(f"{setting!r} is no IPv4 network, such as 10.144.0.0/16.") from problem


def datastores_of(settings: tuple[str, ...]) -> tuple[DatastoreConfig, ...]:
    """Reads `name=directory` and `name=directory,shared`. BadConfig."""
    found: list[DatastoreConfig] = []
    for setting in settings:
        name, equals, rest = setting.partition("=")
        directory = rest.removesuffix(SHARED_SUFFIX)
        if not equals or not name or not directory or "/" in name:
            raise BadConfig(f"{setting!r} is not of the form name=directory{SHARED_SUFFIX}.")
        shared = directory != rest
        found.append(DatastoreConfig(name, Path(directory).absolute(), shared))
    if len({each.name for each in found}) != len(found):
        raise BadConfig("Two datastores have one name.")
    return tuple(found)
