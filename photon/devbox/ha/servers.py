"""The controllers, haproxy before them, and the agents behind them."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Final

import msgspec

from photon.agent.app import QEMU_DIR
from photon.devbox.cloud import simulated_name
from photon.devbox.ha.groups import in_group
from photon.devbox.ha.layout import (
    AGENT_PORT,
    API_PORT,
    CONTROLLER_PORT,
    POSTGRES_PORT,
    STATS_PORT,
    HaLayout,
    members,
)
from photon.devbox.ha.secrets import make_certificate, password, write_private
from photon.devbox.ha.templates import PROXY_FILE, fill
from photon.devbox.layout import PORT_GROUPS
from photon.devbox.programs import Program
from photon.devbox.seed import HostSeed

PROXY: Final = "haproxy"
CONTROLLER: Final = "controller"
QEMU: Final = "agent-qemu"
SIMULATED: Final = "agent-simulated"
SIMULATORS: Final = 2  # So that one may die and the others' VMs be seen to live.
LOOK_SECONDS: Final = 1.0

# Where this kind of agents begins among the agents' addresses.
_FIRST_SIMULATOR: Final = 101


class Shape(msgspec.Struct, frozen=True):
    """How many hosts of each kind there are."""

    simulated: int
    qemu: int

    def simulators(self) -> range:
        return range(1, min(SIMULATORS, self.simulated) + 1)

    def qemu_agents(self) -> range:
        return range(1, self.qemu + 1)

    def hosts_of(self, simulator: int) -> range:
        """The numbers of the hosts that this simulator serves."""
        share = -(-self.simulated // SIMULATORS)
        first = (simulator - 1) * share + 1
        return range(first, min(first + share, self.simulated + 1))


def controller(layout: HaLayout, number: int) -> Program:
    name = f"{CONTROLLER}-{number}"
    config = layout.part_dir(name) / "controller.toml"
    command = (sys.executable, "-m", "photon.controller", "--config", str(config))
    return Program(name, in_group(layout, name, command), layout.run_dir)


def configure_controller(layout: HaLayout, number: int) -> None:
    name = f"{CONTROLLER}-{number}"
    folder = layout.part_dir(name)
    folder.mkdir(parents=True, exist_ok=True)
    layout.images_dir.mkdir(exist_ok=True)
    password(layout.secrets_dir, "zookeeper")
    values = {
        "NAME": name,
        "ADDRESS": layout.controller_host(number),
        "DATA_DIR": str(folder),
        "IMAGES_DIR": str(layout.images_dir),
        "POSTGRES_SERVERS": ",".join(
            f"{layout.postgres_host(n)}:{POSTGRES_PORT}" for n in members()
        ),
        "PHOTON_PASSWORD": password(layout.secrets_dir, "photon"),
        "CA": str(layout.ca_file),
        "ZOOKEEPER_SERVERS": ",".join(layout.zookeeper_servers),
        "ZOOKEEPER_PASSWORD_FILE": str(layout.secrets_dir / "zookeeper"),
    }
    fill("controller.toml", folder / "controller.toml", values)


def proxy(layout: HaLayout) -> Program:
    told = {
        f"PHOTON_CONTROLLER_{n}": f"{layout.controller_host(n)}:{CONTROLLER_PORT}"
        for n in members()
    }
    if os.geteuid() != 0:
        told["PHOTON_PROXY_UNPRIVILEGED"] = "1"
    binary = shutil.which(PROXY, path=f"{os.environ['PATH']}:/usr/sbin") or PROXY
    place = (layout.proxy_host, API_PORT)
    return Program(
        PROXY,
        in_group(layout, PROXY, (binary, "-db", "-f", str(PROXY_FILE))),
        layout.run_dir,
        ready=lambda: _listens(place),
        environment={
            **told,
            "PHOTON_BIND": f"{layout.proxy_host}:{API_PORT}",
            "PHOTON_STATS": f"{layout.proxy_host}:{STATS_PORT}",
            "PHOTON_CERTIFICATE": str(layout.part_dir(PROXY) / "photon.pem"),
            "PHOTON_LOG": "stdout",
        },
    )


def configure_proxy(layout: HaLayout) -> None:
    folder = layout.part_dir(PROXY)
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key, both = (folder / name for name in ("server.pem", "server.key", "photon.pem"))
    make_certificate(layout.ca_file, layout.proxy_host, certificate, key)
    write_private(both, certificate.read_text() + key.read_text())


def qemu_agent(layout: HaLayout, number: int) -> Program:
    name = f"{QEMU}-{number}"
    networks = [each for group in PORT_GROUPS for each in ("--network", group)]
    return _agent(
        layout,
        name,
        layout.agent_host(number),
        *("--driver", "qemu", "--network-scope", _scope(layout, number)),
        *("--network-pool", _pool(layout, number), *networks),
    )


def simulator(layout: HaLayout, number: int, hosts: range) -> Program:
    return _agent(
        layout,
        f"{SIMULATED}-{number}",
        simulator_host(layout, number),
        *("--driver", "simulated", "--hosts", str(len(hosts)), "--first-host", str(hosts.start)),
        # A persistent disk lies on the host that made it, as on real local storage.
        "--own-datastores",
    )


def simulator_host(layout: HaLayout, number: int) -> str:
    return layout.agent_host(_FIRST_SIMULATOR + number)


def host_seeds(layout: HaLayout, shape: Shape) -> list[HostSeed]:
    """All hosts, and where their agents listen."""
    qemu = [layout.agent_host(number) for number in shape.qemu_agents()]
    seeds = [HostSeed(host, f"{host}:{AGENT_PORT}") for host in qemu]
    for number in shape.simulators():
        endpoint = f"{simulator_host(layout, number)}:{AGENT_PORT}"
        seeds += [HostSeed(simulated_name(n), endpoint) for n in shape.hosts_of(number)]
    return seeds


def guests_dir(layout: HaLayout, number: int) -> Path:
    """A folder for each guest of this QEMU agent."""
    return layout.part_dir(f"{QEMU}-{number}") / "datastore/vms"


def networks_file(layout: HaLayout, number: int) -> Path:
    """This QEMU agent's table of networks."""
    return layout.part_dir(f"{QEMU}-{number}") / QEMU_DIR / "networks.json"


def _agent(layout: HaLayout, name: str, address: str, *arguments: str) -> Program:
    command = (
        *(sys.executable, "-m", "photon.agent", "--listen", f"{address}:{AGENT_PORT}"),
        *("--state-dir", str(layout.part_dir(name)), *arguments),
    )
    return Program(name, in_group(layout, name, command), layout.run_dir)


def _scope(layout: HaLayout, number: int) -> str:
    """Keeps the bridges of all agents on one machine apart."""
    return hashlib.sha256(f"{layout.root} {number}".encode()).hexdigest()[:8]


def _pool(layout: HaLayout, number: int) -> str:
    """A private /16 of its own, most likely, and never that of this cloud's other one."""
    chosen = int(hashlib.sha256(str(layout.root).encode()).hexdigest(), 16) % 50
    return f"10.{128 + 2 * chosen + number % 2}.0.0/16"


def _listens(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=LOOK_SECONDS).close()
    except OSError:
        return False
    return True
