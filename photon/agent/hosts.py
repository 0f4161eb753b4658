"""All hosts of one agent process: found by address once, and by id from then on."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping, Sequence

import msgspec

from photon.agent.changes import Changed, ChangeLog
from photon.agent.host import AgentHost
from photon.domain.guest import AgentRefusal, Inventory, Provision, Refusal

# Driver work at start is mostly waiting for sockets and files; more at once only queues.
OPENED_AT_ONCE_MAX = 64


class Credentials(msgspec.Struct, frozen=True):
    """What a control plane must show to take a host of this process."""

    username: str
    password: str

    def fit(self, username: str, password: str) -> bool:
        """In constant time, and both always compared: nobody learns which was wrong."""
        name_fits = hmac.compare_digest(self.username.encode(), username.encode())
        password_fits = hmac.compare_digest(self.password.encode(), password.encode())
        return name_fits and password_fits


class AgentHosts:
    """Hosts by address and by id.

    `any_address`: the only host answers to whatever address it is provisioned by, as a machine
    does that cannot know under which of its names it is called. `credentials` None: an open agent,
    for which any that are not empty do.
    """

    def __init__(
        self,
        hosts: Sequence[AgentHost],
        changes: ChangeLog,
        *,
        any_address: bool = False,
        credentials: Credentials | None = None,
    ) -> None:
        assert not any_address or len(hosts) == 1
        self._hosts = tuple(hosts)
        self._changes = changes
        self._any_address = any_address
        self._credentials = credentials
        self._silent: set[str] = set()
        self._woken = asyncio.Event()
        self._by_address = {host.address: host for host in hosts}
        self._by_id: dict[str, AgentHost] = {}
        self._alive_ids: tuple[str, ...] | None = None
        self._alive_since = 0

    async def open(self) -> None:
        """Opens every host; ends with the first that fails."""
        for start in range(0, len(self._hosts), OPENED_AT_ONCE_MAX):
            batch = self._hosts[start : start + OPENED_AT_ONCE_MAX]
            await asyncio.gather(*(host.open() for host in batch))
        self._by_id = {host.host_id: host for host in self._hosts if host.host_id}

    async def close(self) -> None:
        for host in self._hosts:
            await host.close()

    @property
    def by_address(self) -> Mapping[str, AgentHost]:
        return self._by_address

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(self._by_address)

    def alive(self, address: str) -> bool:
        """Whether the host has an owner and is not silent."""
        return address not in self._silent and self._by_address[address].is_owned

    def alive_ids(self) -> tuple[str, ...]:
        if self._alive_ids is None:
            self._alive_ids = tuple(
                [host.host_id for host in self._hosts if self.alive(host.address)]
            )
        return self._alive_ids

    @property
    def alive_since(self) -> int:
        """The place in the log of changes since which the same hosts are alive."""
        return self._alive_since

    def silence(self, address: str) -> None:
        """A drill: the host answers nothing, and is missing from reports, until `wake`."""
        assert address in self._by_address, address
        self._silent.add(address)
        self._live_or_die(address)

    def wake(self, address: str) -> None:
        self._silent.discard(address)
        self._live_or_die(address)
        self._woken.set()
        self._woken = asyncio.Event()

    async def host(self, host_id: str) -> AgentHost:
        """The host that a control plane knows by this id. Refusal HOST_NOT_FOUND."""
        host = self._by_id.get(host_id)
        if host is None or not host.is_owned:
            raise _not_found(host_id)
        if self._silent:
            await self._heard(host)
        return host

    async def provision(self, request: Provision) -> Inventory:
        """Refusal BAD_CREDENTIALS, HOST_NOT_FOUND, OTHER_PLANE, STALE_FENCE."""
        self._check_credentials(request)
        host = self._hosts[0] if self._any_address else self._by_address.get(request.address)
        if host is None:
            message = f"This agent serves no host at the address {request.address!r}."
            raise Refusal(AgentRefusal.HOST_NOT_FOUND, message, address=request.address)
        await self._heard(host)
        namesake = self._by_id.get(request.host_id)
        if namesake is not None and namesake is not host and namesake.is_owned:
            message = f"The host at {namesake.address} has this id already."
            raise Refusal(AgentRefusal.OTHER_PLANE, message, address=namesake.address)
        if not host.is_owned:
            self._by_id.pop(host.host_id, None)
        inventory = await host.provision(request)
        self._by_id[request.host_id] = host
        self._live_or_die(host.address)
        return inventory

    async def deprovision(self, host_id: str, fence: int) -> None:
        """Once more is no error, until another owner takes the host."""
        host = self._by_id.get(host_id)
        if host is None:
            raise _not_found(host_id)
        await self._heard(host)
        await host.deprovision(fence)
        self._live_or_die(host.address)

    def _live_or_die(self, address: str) -> None:
        self._alive_ids = None
        self._changes.note(address, Changed.ALIVE)
        self._alive_since = self._changes.last

    async def _heard(self, host: AgentHost) -> None:
        while host.address in self._silent:
            await self._woken.wait()

    def _check_credentials(self, request: Provision) -> None:
        shown = (request.username, request.password)
        fits = self._credentials.fit(*shown) if self._credentials else all(shown)
        if not fits:
            message = "The user name or the password is wrong for this host's agent."
            raise Refusal(AgentRefusal.BAD_CREDENTIALS, message)


def _not_found(host_id: str) -> Refusal:
    message = f"This agent serves no host with the id {host_id}; provision it first."
    return Refusal(AgentRefusal.HOST_NOT_FOUND, message, host_id=host_id)
