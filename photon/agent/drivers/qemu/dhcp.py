"""One dnsmasq that gives the guests of one bridge their addresses."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from photon.agent.drivers.qemu.commands import run

LEASE_HOURS = 12  # Guests renew at half of it.
LEASE_FILE_BYTES_MAX = 1 << 20  # A subnet of 4,000 leases fills a quarter.


class DhcpServer:
    """Outlives the agent: `start` finds a running one by its pid file and command line."""

    def __init__(self, bridge: str, subnet: IPv4Network, state_dir: Path) -> None:
        self.subnet = subnet
        self._bridge = bridge
        self._leases = state_dir / f"{bridge}.leases"
        self._pid_file = state_dir / f"{bridge}.pid"

    @property
    def gateway(self) -> IPv4Address:
        """The bridge's own address: the subnet's first."""
        return self.subnet[1]

    async def start(self) -> None:
        """Starts dnsmasq unless it runs; it goes to the background once it listens."""
        if self._pid() is not None:
            return
        first, last = self.subnet[2], self.subnet[-2]
        await run(
            "dnsmasq",
            "--conf-file=/dev/null",
            "--port=0",  # no DNS: guests' names are not the host's affair
            f"--interface={self._bridge}",
            "--except-interface=lo",
            "--bind-interfaces",
            f"--dhcp-range={first},{last},{self.subnet.netmask},{LEASE_HOURS}h",
            f"--dhcp-lease-max={self.subnet.num_addresses}",
            "--dhcp-authoritative",
            "--no-ping",  # leases alone say which addresses are taken
            f"--dhcp-leasefile={self._leases}",
            f"--pid-file={self._pid_file}",
            "--user=nobody",  # it listens to guests; its files are open before it lets go of root
        )

    def stop(self) -> None:
        pid = self._pid()
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)

    def address_of(self, mac_address: str) -> str:
        """The address that was leased to the NIC; empty when none was."""
        try:
            with self._leases.open() as file:
                lines = file.read(LEASE_FILE_BYTES_MAX).splitlines()
        except FileNotFoundError:
            return ""
        wanted = mac_address.lower()
        for line in lines:
            words = line.split()  # expiry, MAC address, IP address, host name, client id
            if len(words) >= 3 and words[1].lower() == wanted:
                return words[2]
        return ""

    def _pid(self) -> int | None:
        """The pid of this bridge's dnsmasq; none when the number is another process's by now."""
        try:
            pid = int(self._pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if f"--dhcp-leasefile={self._leases}".encode() in command else None
