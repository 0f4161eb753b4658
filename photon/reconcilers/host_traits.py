"""What the chairman hears of hosts: which there are, and by which traits they are divided."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final

from photon.domain.host import Host
from photon.domain.topology import Traits, is_shared
from photon.store.nouns import DATASTORES, HOSTS
from photon.store.protocol import PAGE_SIZE_MAX, CloudStore

# Ids of shared datastores that are remembered; hosts of one cloud share far fewer.
SHARED_KNOWN_MAX: Final = 10_000


@dataclass(slots=True)
class Heard:
    """`gone`: hosts that no leaf should have; `between`: it is being decided whether one should."""

    traits: dict[str, Traits] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    between: set[str] = field(default_factory=set)


class HostTraits:
    def __init__(self, store: CloudStore) -> None:
        self._store = store
        self._seen: dict[str, tuple[int, Traits]] = {}
        self._shared: set[str] = set()

    async def all(self) -> Heard:
        """Of every host that there is."""
        heard = Heard()
        after: str | None = None
        while True:
            page = await self._store.page(HOSTS, {}, limit=PAGE_SIZE_MAX, after=after)
            await self._hear(page.items, heard)
            if not page.more:
                return heard
            after = page.items[-1].id

    async def of(self, host_ids: Collection[str]) -> Heard:
        heard, ids = Heard(), list(host_ids)
        for start in range(0, len(ids), PAGE_SIZE_MAX):
            page = ids[start : start + PAGE_SIZE_MAX]
            hosts = await self._store.find_many(HOSTS, page)
            await self._hear(hosts, heard)
            heard.gone.update(set(page) - {host.id for host in hosts})
        for host_id in heard.gone:  # any order: each is forgotten by itself
            self._seen.pop(host_id, None)
        return heard

    async def _hear(self, hosts: Collection[Host], heard: Heard) -> None:
        for host in hosts:
            if host.provisioned:
                heard.traits[host.id] = await self._traits_of(host)
            elif host.task_id is None:
                heard.gone.add(host.id)
            else:  # such as one that is being provisioned, and may have a seat
                heard.between.add(host.id)

    async def _traits_of(self, host: Host) -> Traits:
        """Most changes of a host are of its state alone: then nothing is read."""
        print_of = hash((host.zone_id, host.usage_tags, host.networks, host.datastore_ids))
        seen = self._seen.get(host.id)
        if seen is not None and seen[0] == print_of:
            return seen[1]
        unknown = [id for id in host.datastore_ids if id not in self._shared][:PAGE_SIZE_MAX]
        rows = await self._store.find_many(DATASTORES, unknown) if unknown else []
        if len(self._shared) > SHARED_KNOWN_MAX:
            self._shared.clear()
        self._shared.update(row.id for row in rows if is_shared(row.type))
        traits = Traits.of(host, [id for id in host.datastore_ids if id in self._shared])
        self._seen[host.id] = print_of, traits
        return traits
