"""Where each part of the cloud listens, and where it keeps what it keeps."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from photon.devbox.layout import default_root

NET: Final = 77
NET_VARIABLE: Final = "PHOTON_HA_NET"
NETS: Final = range(1, 255)
MEMBERS: Final = 3  # The fewest of which one may fail.

API_PORT: Final = 8443
STATS_PORT: Final = 8404
CONTROLLER_PORT: Final = 9000
NODES_PORT: Final = 9001
POSTGRES_PORT: Final = 5432
PATRONI_PORT: Final = 8008
ZOOKEEPER_PORT: Final = 2181
AGENT_PORT: Final = 8835

_PROXY, _CONTROLLERS, _POSTGRES, _ZOOKEEPER, _AGENTS = range(5)


@dataclass(frozen=True, slots=True)
class HaLayout:
    """Each part has an address of its own, 127.NET.KIND.NUMBER, and the ports that are usual."""

    root: Path
    net: int = NET

    @property
    def proxy_host(self) -> str:
        return self._address(_PROXY, 1)

    def controller_host(self, number: int) -> str:
        return self._address(_CONTROLLERS, number)

    def postgres_host(self, number: int) -> str:
        return self._address(_POSTGRES, number)

    def zookeeper_host(self, number: int) -> str:
        return self._address(_ZOOKEEPER, number)

    def agent_host(self, number: int) -> str:
        return self._address(_AGENTS, number)

    @property
    def api_url(self) -> str:
        return f"https://{self.proxy_host}:{API_PORT}"

    def controller_url(self, number: int) -> str:
        return f"http://{self.controller_host(number)}:{CONTROLLER_PORT}"

    @property
    def zookeeper_servers(self) -> Sequence[str]:
        return [f"{self.zookeeper_host(n)}:{ZOOKEEPER_PORT}" for n in members()]

    @property
    def run_dir(self) -> Path:
        """Process ids and logs."""
        return self.root / "run"

    @property
    def guest_dir(self) -> Path:
        return self.root / "guest"

    @property
    def images_dir(self) -> Path:
        """What all controllers share."""
        return self.root / "images"

    @property
    def secrets_dir(self) -> Path:
        """Passwords, keys and certificates."""
        return self.root / "secrets"

    @property
    def ca_file(self) -> Path:
        """What clients trust, those of the API and those of PostgreSQL."""
        return self.secrets_dir / "ca.pem"

    def part_dir(self, name: str) -> Path:
        return self.root / name

    def _address(self, kind: int, number: int) -> str:
        return f"127.{self.net}.{kind}.{number}"


def members() -> range:
    return range(1, MEMBERS + 1)


def default_layout() -> HaLayout:
    """Below the devbox's folder; PHOTON_HA_NET keeps two such clouds on one machine apart."""
    net = int(os.environ.get(NET_VARIABLE, NET))
    return HaLayout(default_root() / "ha", net)


def free_net() -> int:
    """One on which nobody listens now, for a cloud beside others."""
    for net in NETS:
        layout = HaLayout(Path(), net)
        places = [
            (layout.proxy_host, API_PORT),
            (layout.controller_host(1), CONTROLLER_PORT),
            (layout.zookeeper_host(1), ZOOKEEPER_PORT),
            (layout.postgres_host(1), POSTGRES_PORT),
        ]
        if not any(_listens(place) for place in places):
            return net
    raise OSError("all nets of loopback addresses are in use")


def _listens(place: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(place) == 0
