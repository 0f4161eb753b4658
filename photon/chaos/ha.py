"""The cloud that `bin/devbox --ha` runs, as chaos sees it, with agents for the load beside its own.

The load adds and removes hosts, so it gets some of its own: nobody has registered these before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import httpx2

from photon.chaos.part import Kind, Part, PartFailed
from photon.chaos.probes import Ground
from photon.devbox.cloud import DevboxFailed, simulated_name
from photon.devbox.ha import postgres, servers, zookeeper
from photon.devbox.ha.cloud import HaCloud
from photon.devbox.ha.layout import AGENT_PORT, members
from photon.devbox.layout import PORT_GROUPS
from photon.devbox.programs import Program, ProgramFailed
from photon.devbox.seed import BOOT_FLAVOR, VM_FLAVOR, Seeded
from photon.workload.site import HostOffer, Site

LEASE_SECONDS: Final = 12.0  # The controllers' own default: deploy/ha says nothing else.
START_SECONDS_MAX: Final = 90.0  # A standby that must copy all again takes the longest.
STOP_SECONDS_MAX: Final = 60.0  # A farewell, tasks that are let end, and a busy machine.
ASK_SECONDS: Final = 3.0  # Whoever is well answers in milliseconds.
WORDS_BYTES: Final = 4096  # Of a log's end.
OFFERED_AGENTS: Final = (51, 52)  # Numbers of agents that nobody else has.
HOSTS_AN_AGENT: Final = 8
FIRST_OFFERED: Final = 10_001  # Numbers of hosts that nobody else has.

_KINDS: Final = {
    "controller": Kind.CONTROLLER,
    "agent": Kind.AGENT,
    zookeeper.KIND: Kind.ZOOKEEPER,
    postgres.KIND: Kind.POSTGRES,
    servers.PROXY: Kind.HAPROXY,
}
_STANDBYS: Final = frozenset(("sync_standby", "quorum_standby"))


@dataclass(frozen=True, slots=True)
class HaPart:
    """A part of the launcher's, or one of our own."""

    program: Program
    start_it: Callable[[], None]

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def kind(self) -> Kind:
        return _KINDS[self.name.partition("-")[0]]

    def runs(self) -> bool:
        return self.program.pid() is not None

    def start(self) -> None:
        try:
            self.start_it()
        except (DevboxFailed, ProgramFailed) as failure:
            raise PartFailed(str(failure)) from failure

    def stop(self) -> None:
        self.program.stop(STOP_SECONDS_MAX)

    def kill(self) -> None:
        self.program.kill()

    def freeze(self) -> None:
        self.program.freeze()

    def thaw(self) -> None:
        self.program.thaw()

    def words(self) -> str:
        with self.program.log.open("rb") as log:
            log.seek(max(0, log.seek(0, 2) - WORDS_BYTES))
            return log.read().decode(errors="replace")


@dataclass
class ChaosCloud:
    """Raises, from `running`: as HaCloud.up does."""

    ha: HaCloud
    shape: servers.Shape
    parts: Sequence[Part] = field(default_factory=tuple)

    lease_seconds: float = LEASE_SECONDS

    @property
    def url(self) -> str:
        return self.ha.layout.api_url

    @property
    def ca_file(self) -> str | None:
        return str(self.ha.layout.ca_file)

    @property
    def controllers(self) -> Mapping[str, str]:
        return {f"{servers.CONTROLLER}-{n}": self.ha.layout.controller_url(n) for n in members()}

    @contextmanager
    def running(self) -> Iterator[Ground]:
        """Up for as long as this lasts; then nothing of it is left but its folder."""
        with self.ha.running(self.shape) as seeded:
            offered = [self._offered(number) for number in OFFERED_AGENTS]
            try:
                self.parts = (*self._launched(), *offered)
                for part in offered:
                    part.start()
                yield self._ground(seeded)
            finally:
                for part in offered:
                    part.thaw()
                    part.stop()

    def _launched(self) -> Iterator[HaPart]:
        for name, program in self.ha.parts().items():
            yield HaPart(program, partial(self.ha.start, name))

    def _offered(self, number: int) -> HaPart:
        program = servers.simulator(self.ha.layout, number, _hosts_of(number))
        return HaPart(program, program.start)

    def _ground(self, seeded: Seeded) -> Ground:
        layout = self.ha.layout
        agents = {f"{servers.QEMU}-{n}": layout.agent_host(n) for n in self.shape.qemu_agents()}
        agents |= {
            f"{servers.SIMULATED}-{n}": simulated_name(self.shape.hosts_of(n).start)
            for n in self.shape.simulators()
        }
        return Ground(seeded.project_id, seeded.image_id, VM_FLAVOR, BOOT_FLAVOR, agents)

    def site(self) -> Site:
        """What the load may use: hosts that nobody has registered, and another port group."""
        offers = [
            HostOffer(
                simulated_name(host),
                f"{servers.simulator_host(self.ha.layout, number)}:{AGENT_PORT}",
            )
            for number in OFFERED_AGENTS
            for host in _hosts_of(number)
        ]
        return Site(tuple(offers), (PORT_GROUPS[1],), guests_die=False, alone=False)

    # --- Who leads, and what lacks ---

    def leaders(self) -> frozenset[str]:
        layout = self.ha.layout
        modes = {f"{zookeeper.KIND}-{n}": zookeeper.mode(layout, n) for n in members()}
        found = {name for name, mode in modes.items() if mode == "leader"}
        found |= {self.ha.primary() or "", self._chairman()}
        return frozenset(found - {""})

    def _chairman(self) -> str:
        for shown in self._status():
            for instance in shown:
                stats = instance.get("stats") or {}
                if "chairman" in stats.get("offices", "").split(","):
                    return str(stats["name"])
        return ""

    def lacks(self) -> str | None:
        layout = self.ha.layout
        silent = [n for n in members() if not zookeeper.mode(layout, n)]
        if silent:
            return f"ZooKeeper members {silent} are not in a quorum"
        roles = [str(each.get("role")) for each in postgres.cluster(layout).get("members", ())]
        if "leader" not in roles or not _STANDBYS & {*roles}:
            return f"PostgreSQL has no primary with a standby that it waits for: {roles}"
        for instance in next(self._status(), []):
            stats = instance.get("stats") or {}
            if stats.get("missing", "0") != "0":
                return f"{stats['missing']} hosts are missing"
        return None

    def _status(self) -> Iterator[list[dict[str, Any]]]:
        """All instances of all parts, as each controller that answers tells of them."""
        for url in self.controllers.values():
            try:
                answer = httpx2.get(f"{url}/v1/system/status?parts=true", timeout=ASK_SECONDS)
                said = answer.json() if answer.is_success else {}
            except (httpx2.RequestError, ValueError):
                continue
            if "components" in said:
                yield [one for part in said["components"] for one in part.get("instances") or ()]


def _hosts_of(number: int) -> range:
    first = FIRST_OFFERED + OFFERED_AGENTS.index(number) * HOSTS_AN_AGENT
    return range(first, first + HOSTS_AN_AGENT)
