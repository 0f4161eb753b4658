"""Port groups as Linux bridges, a tap for each NIC, and DHCP by one dnsmasq a bridge.

Bridges, taps and dnsmasq outlive the agent, as guests do. Port groups have names that no interface
can have ("VM Network"), so a bridge is named by a hash; a small table keeps each one's subnet.
"""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from ipaddress import IPv4Network
from pathlib import Path

import msgspec

from photon.agent.drivers.qemu.argv import Tap
from photon.agent.drivers.qemu.commands import CommandFailed, run
from photon.agent.drivers.qemu.dhcp import DhcpServer
from photon.agent.drivers.qemu.durable import write_durably
from photon.agent.drivers.qemu.settings import NetworkSettings
from photon.domain.guest import AgentRefusal, GuestSpec, NetworkConnection, Refusal

BRIDGE_PREFIX, TAP_PREFIX = "pg", "pt"
NAME_DIGITS = 12  # An interface's name has 15 characters.
_TABLE_FILE = "networks.json"
_log = logging.getLogger(__name__)


class _PortGroup(msgspec.Struct, frozen=True):
    name: str
    bridge: str
    subnet: str


class Networks:
    def __init__(self, settings: NetworkSettings, state_dir: Path) -> None:
        self._settings = settings
        self._state_dir = state_dir
        self._servers: dict[str, DhcpServer] = {}  # by port group, those that work
        self._bridges: dict[str, str] = {}

    def names(self) -> tuple[str, ...]:
        """The port groups that guests can be put on."""
        return tuple(self._servers)

    async def open(self) -> None:
        """Makes what is lacking. A machine that allows it not has no networks, and says why."""
        table = self._assign()
        for group in table:
            if group.name not in self._settings.port_groups:
                continue
            server = DhcpServer(group.bridge, IPv4Network(group.subnet), self._state_dir)
            try:
                await _make_bridge(group, server)
                await server.start()
            except CommandFailed as failure:
                _log.warning("Port group %r is not offered: %s", group.name, failure)
                continue
            self._servers[group.name] = server
            self._bridges[group.name] = group.bridge

    async def plug(self, spec: GuestSpec) -> tuple[Tap, ...]:
        """Makes the guest's taps, in the order of its NICs; DHCP answers on each."""
        taps = []
        for number, nic in enumerate(spec.nics):
            server = self._servers.get(nic.network)
            if server is None:
                raise network_not_found(nic.network)
            await server.start()
            tap = Tap(self._tap_name(spec.vm_id, number), nic.mac_address)
            if not _is(Path("/sys/class/net", tap.interface)):
                await run("ip", "tuntap", "add", "dev", tap.interface, "mode", "tap")
            bridge = self._bridges[nic.network]
            await run("ip", "link", "set", tap.interface, "master", bridge, "up")
            taps.append(tap)
        return tuple(taps)

    async def unplug(self, spec: GuestSpec) -> None:
        for number in range(len(spec.nics)):
            tap = self._tap_name(spec.vm_id, number)
            if _is(Path("/sys/class/net", tap)):
                await run("ip", "link", "delete", tap)

    def connections(self, spec: GuestSpec, *, running: bool) -> list[NetworkConnection]:
        found = []
        for nic in spec.nics:
            server = self._servers.get(nic.network)
            address = server.address_of(nic.mac_address) if server is not None else ""
            found.append(
                NetworkConnection(
                    network=nic.network,
                    mac_address=nic.mac_address,
                    ip_address=address,
                    netmask=str(server.subnet.netmask) if server is not None and address else "",
                    connected=running and server is not None,
                )
            )
        return found

    async def remove(self) -> None:
        """Gives the machine its bridges back; for a host that leaves the plane without guests."""
        for name, server in list(self._servers.items()):
            server.stop()
            with suppress(CommandFailed):
                await run("ip", "link", "delete", self._bridges[name])
        self._servers.clear()

    def _assign(self) -> list[_PortGroup]:
        """The table, with a bridge and a free subnet for each port group that is new."""
        path = self._state_dir / _TABLE_FILE
        table = msgspec.json.decode(path.read_bytes(), type=list[_PortGroup]) if _is(path) else []
        known = {group.name for group in table}
        taken = {group.subnet for group in table}
        free = (
            subnet
            for subnet in self._settings.pool.subnets(new_prefix=self._settings.subnet_prefix)
            if str(subnet) not in taken
        )
        for name in self._settings.port_groups:
            subnet = None if name in known else next(free, None)
            if subnet is not None:
                bridge = _interface_name(BRIDGE_PREFIX, f"{self._settings.scope}/{name}")
                table.append(_PortGroup(name, bridge, str(subnet)))
            elif name not in known:
                _log.warning("Port group %r is not offered: the pool has no subnet left.", name)
        write_durably(path, msgspec.json.encode(table))
        return table

    def _tap_name(self, vm_id: str, number: int) -> str:
        return _interface_name(TAP_PREFIX, f"{vm_id}/{number}")


async def _make_bridge(group: _PortGroup, server: DhcpServer) -> None:
    if not _is(Path("/sys/class/net", group.bridge)):
        # No forward delay: a guest that asks for its address at once is heard.
        await run("ip", "link", "add", group.bridge, "type", "bridge", "forward_delay", "0")
    prefix = server.subnet.prefixlen
    await run("ip", "address", "replace", f"{server.gateway}/{prefix}", "dev", group.bridge)
    await run("ip", "link", "set", group.bridge, "alias", group.name[:255], "up")


def network_not_found(name: str) -> Refusal:
    return Refusal(
        AgentRefusal.NETWORK_NOT_FOUND, f"This host does not offer network {name!r}.", network=name
    )


def _is(path: Path) -> bool:
    return path.exists()


def _interface_name(prefix: str, name: str) -> str:
    return prefix + hashlib.sha256(name.encode()).hexdigest()[:NAME_DIGITS]
