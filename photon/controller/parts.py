"""How the parts of the deployment are, as this controller sees them: what the status shows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable
from urllib.parse import parse_qs, urlsplit

from photon.api.plane import Instance
from photon.coordination.protocol import CONTROLLER, Coordination
from photon.domain.host import HostState
from photon.domain.member import Member
from photon.store.nouns import HOSTS, MISSING_HOSTS
from photon.store.protocol import CloudStore

ASK_SECONDS: Final = 3.0  # Who looks at a status wants it to come, above all when something is ill.

READY, INITIALIZING, UNREACHABLE = "READY", "INITIALIZING", "UNREACHABLE"
PARTIAL_ERROR: Final = "PARTIAL_ERROR"


@runtime_checkable
class Committing(Protocol):
    """A store that counts its physical commits, of this process and since its start."""

    @property
    def commits(self) -> int: ...


class Parts:
    """`offices` are those whose leaders are shown; `store_url` is "" for an embedded store."""

    def __init__(
        self,
        store: CloudStore,
        store_url: str,
        coordination: Coordination,
        offices: Sequence[str],
        build: str,
    ) -> None:
        self._store = store
        self._store_url = store_url
        self._coordination = coordination
        self._offices = offices
        self._build = build

    async def instances(self) -> list[Instance]:
        store, servers, agents = await asyncio.gather(
            self._stored(), self._servers(), self._agents()
        )
        return [*self._controllers(), *self._leaders(), *store, *servers, *agents]

    def _controllers(self) -> list[Instance]:
        return [
            Instance(
                "PHOTON_CONTROLLER",
                _host_of(member.address),
                READY,
                message=_duties(led := self._led_by(member)),
                stats={"name": member.name, "url": member.address, "offices": ",".join(led)},
                build=self._build,
            )
            for member in self._living()
        ]

    def _living(self) -> list[Member]:
        members = self._coordination.members()
        return [member for member in members if member.component == CONTROLLER]

    def _led_by(self, member: Member) -> list[str]:
        return [office for office in self._offices if self._leader(office) == member.id]

    def _leader(self, office: str) -> str | None:
        return self._coordination.campaign(office).leader()

    def _leaders(self) -> list[Instance]:
        by_id = {member.id: member for member in self._living()}
        shown = []
        for office in self._offices:
            leader = by_id.get(self._leader(office) or "")
            if leader is None:
                nobody = "nobody leads now; somebody will when the last one's lease has ended"
                shown.append(Instance(office.upper(), "(nobody)", INITIALIZING, message=nobody))
            else:
                address = _host_of(leader.address)
                shown.append(Instance(office.upper(), address, READY, message=leader.name))
        return shown

    async def _stored(self) -> list[Instance]:
        address = _store_host(self._store_url)
        try:
            async with asyncio.timeout(ASK_SECONDS):
                revision = await self._store.revision()
        except Exception as problem:  # Whatever it is, this is where it is told.
            return [Instance("CLOUD_STORE", address, UNREACHABLE, message=repr(problem))]
        stats = {"revision": str(revision)}
        if isinstance(self._store, Committing):
            stats["commits"] = str(self._store.commits)
        return [Instance("CLOUD_STORE", address, READY, stats=stats)]

    async def _servers(self) -> list[Instance]:
        servers = await self._coordination.servers(seconds=ASK_SECONDS)
        return [
            Instance("ZOOKEEPER", server, READY if answers else UNREACHABLE)
            for server, answers in servers.items()
        ]

    async def _agents(self) -> list[Instance]:
        """All agents as one: there may be thousands."""
        try:
            async with asyncio.timeout(ASK_SECONDS):
                missing = await self._store.count(MISSING_HOSTS, {})
                ready = await self._store.count(HOSTS, {"state": HostState.READY})
                hosts = await self._store.count(HOSTS, {})
        except Exception:  # The store's own line tells why.
            return []
        if not hosts:
            return []
        stats = {"hosts": str(hosts), "ready": str(ready), "missing": str(missing)}
        status = PARTIAL_ERROR if missing else READY
        message = f"{missing} of {hosts} hosts are missing" if missing else f"{hosts} hosts"
        return [Instance("AGENT", "(all)", status, message=message, stats=stats)]


def _duties(offices: Sequence[str]) -> str:
    return f"leads: {', '.join(offices)}" if offices else ""


def _host_of(url: str) -> str:
    return urlsplit(url).netloc or url


def _store_host(url: str) -> str:
    if not url:
        return "embedded"
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or ",".join(parse_qs(parts.query).get("host", ["local"]))
