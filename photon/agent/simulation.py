"""Simulated hosts put together: what a process serves, or a test holds in its hand."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from photon.agent.changes import ChangeLog
from photon.agent.doors import Doors
from photon.agent.drivers.simulated import SimulatedDriver
from photon.agent.drivers.simulated_site import SimulatedSite
from photon.agent.host import AgentHost, HostParts
from photon.agent.hosts import AgentHosts, Credentials
from photon.agent.journal import by_host
from photon.agent.local import LocalAgent
from photon.agent.reports import Reporter
from photon.outside.ids import Ids


class Simulation(msgspec.Struct, frozen=True):
    """Hosts, the drivers behind them by address, and how they report."""

    hosts: AgentHosts
    drivers: dict[str, SimulatedDriver]
    reporter: Reporter

    @property
    def agent(self) -> LocalAgent:
        """For `LocalAgents`."""
        return LocalAgent(self.hosts, self.reporter, "simulated")


async def simulate(
    addresses: Sequence[str],
    site: SimulatedSite,
    doors: Doors,
    ids: Ids,
    credentials: Credentials | None = None,
) -> Simulation:
    """Opens a simulated host at each address; finds again what the site's journal remembers."""
    remembered = by_host(site.journal.items())
    changes = ChangeLog()
    parts = HostParts(site.journal, site.clock, changes, doors)
    drivers: dict[str, SimulatedDriver] = {}
    hosts: list[AgentHost] = []
    for address in addresses:
        own = remembered.pop(address, {})
        drivers[address] = SimulatedDriver(address, site, own)
        hosts.append(AgentHost(address, drivers[address], parts, own))
    found = AgentHosts(hosts, changes, credentials=credentials)
    await found.open()
    return Simulation(found, drivers, Reporter(ids.new(), found, changes, site.clock))
