"""The copies of images on hosts: EAGER ones are made, and those of images that are gone go.

Every READY host is to have every READY image that is EAGER. What a host has, it is asked once when
it becomes READY and then once in a while; from there on this duty knows what it did itself, and
hears of new images and hosts by the change feed.

`replicationProgress` is the share of READY hosts that have the image. `seedingProgress` is 100 %
from the moment that an image is stored, because hosts fetch from the controller's library.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Sequence
from typing import Any, Final

import msgspec

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.agent_client.protocol import Agents
from photon.domain.guest import ImageSource, Refusal
from photon.domain.host import Host, HostState
from photon.domain.image import Image, ReplicationType
from photon.domain.readiness import Readiness
from photon.outside.clock import Clock
from photon.store.errors import StoreConflict
from photon.store.nouns import HOSTS, IMAGES
from photon.store.protocol import PAGE_SIZE_MAX, Change, CloudStore, Noun, Update, Where

REPLICATE_SECONDS: Final = 2.0  # When nothing changed, looking costs nothing.
FETCHES_AT_ONCE_MAX: Final = 8  # They all come from this machine's disk and go over its line.
ASK_ALL_SECONDS: Final = 3600.0  # The contract's period: for what somebody did behind our back.
RETRY_SECONDS: Final = 60.0  # A host that refused or was silent is left alone for so long.
SHOWN_EVERY_SECONDS: Final = 1.0  # A person's eye; more often would only be more commits.
PAGE: Final = 100

log = logging.getLogger(__name__)


class _Target(msgspec.Struct, frozen=True):
    address: HostAddress
    datastore_ids: tuple[str, ...]


class ImageReplication:
    """`image_url` says where a host fetches an image, `silent` which hosts do not answer now."""

    def __init__(
        self,
        store: CloudStore,
        agents: Agents,
        clock: Clock,
        image_url: Callable[[str], str],
        silent: Callable[[], Collection[str]],
    ) -> None:
        self._store = store
        self._agents = agents
        self._clock = clock
        self._image_url = image_url
        self._silent = silent
        self._images: dict[str, Image] = {}  # READY and EAGER
        self._hosts: dict[str, _Target] = {}  # READY
        self._unasked: set[str] = set()  # hosts of which nothing is known yet
        self._missing: dict[str, set[str]] = {}  # image -> hosts that lack it, as far as known
        self._todo: deque[tuple[str, str | None]] = deque()  # host, and what to fetch; None: ask it
        self._changed: dict[str, set[str]] = {HOSTS.name: set(), IMAGES.name: set()}
        self._ask_all_at = clock.monotonic()
        self._retry_at = clock.monotonic() + RETRY_SECONDS
        self._to_show: set[str] = set()  # images of which more, or fewer, hosts have a copy
        self._shown_at = clock.monotonic()
        self._catching_up = asyncio.Lock()
        self._unsubscribe = store.subscribe(self._heard)

    def close(self) -> None:
        self._unsubscribe()

    async def once(self) -> None:
        """Does all there is to do. A duty of REPLICATE_SECONDS."""
        await self._catch_up()
        if self._todo:
            async with asyncio.TaskGroup() as group:
                for _ in range(FETCHES_AT_ONCE_MAX):
                    group.create_task(self._work())
        for image_id in sorted(self._to_show):
            await self._show(image_id)

    async def _work(self) -> None:
        while self._todo:
            host_id, image_id = self._todo.popleft()
            target = self._hosts.get(host_id)
            if target is not None and image_id is None:
                await self._ask(host_id, target)
            elif target is not None and image_id in self._images:
                await self._fetch(host_id, target, self._images[image_id])
            await self._catch_up()

    # What is to be done

    def _heard(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if change.noun in self._changed:
                self._changed[change.noun].add(change.id)

    async def _catch_up(self) -> None:
        async with self._catching_up:
            now = self._clock.monotonic()
            if now >= self._ask_all_at:
                self._ask_all_at = now + ASK_ALL_SECONDS
                await self._load()
            await self._apply_changes()
            if not self._todo and now >= self._retry_at:
                self._retry_at = now + RETRY_SECONDS
                lacking = set().union(*self._missing.values()) - set(self._silent())
                self._todo.extend((host_id, None) for host_id in sorted(lacking))

    async def _load(self) -> None:
        for noun, ready in ((IMAGES, Readiness.READY), (HOSTS, HostState.READY)):
            self._changed[noun.name] |= await self._ids_of(noun, {"state": ready})
        self._todo.extend((host_id, None) for host_id in self._hosts)

    async def _ids_of(self, noun: Noun[Any], where: Where) -> set[str]:
        ids: set[str] = set()
        after: str | None = None
        while True:
            page = await self._store.page(noun, where, limit=PAGE, after=after)
            ids |= {row.id for row in page.items}
            if not page.more:
                return ids
            after = page.items[-1].id

    async def _apply_changes(self) -> None:
        for name, take in ((IMAGES.name, self._take_images), (HOSTS.name, self._take_hosts)):
            while self._changed[name]:
                ids = sorted(self._changed[name])[: _some(self._changed[name])]
                self._changed[name].difference_update(ids)
                await take(ids)

    async def _take_images(self, ids: list[str]) -> None:
        rows = {row.id: row for row in await self._store.find_many(IMAGES, ids)}
        for image_id in ids:
            row = rows.get(image_id)
            if row is None or not _is_wanted(row):
                self._images.pop(image_id, None)
                self._missing.pop(image_id, None)
                continue
            if image_id not in self._images:
                self._missing[image_id] = self._hosts.keys() - self._unasked
                self._todo.extend(
                    (host_id, image_id) for host_id in sorted(self._missing[image_id])
                )
            self._images[image_id] = row
            self._to_show.add(image_id)

    async def _take_hosts(self, ids: list[str]) -> None:
        rows = {row.id: row for row in await self._store.find_many(HOSTS, ids)}
        for host_id in ids:
            row = rows.get(host_id)
            if row is None or row.state is not HostState.READY:
                self._drop_host(host_id)
                continue
            if host_id not in self._hosts:
                self._unasked.add(host_id)
                self._todo.append((host_id, None))
            self._hosts[host_id] = _target(row)
            self._to_show |= self._images.keys()

    def _drop_host(self, host_id: str) -> None:
        self._hosts.pop(host_id, None)
        self._unasked.discard(host_id)
        for lacking in self._missing.values():
            lacking.discard(host_id)
        self._to_show |= self._images.keys()

    # Doing it

    async def _ask(self, host_id: str, target: _Target) -> None:
        """What the host lacks is fetched next; what nobody has any more is deleted there."""
        try:
            found = set((await self._agents.inventory(target.address)).image_checksums)
        except (AgentUnreachable, AgentFaulty, Refusal) as problem:
            log.info("host %s is not asked for its images now: %s", host_id, problem)
            self._believe(host_id, set())
            return
        for image_id in self._believe(host_id, found):
            self._todo.append((host_id, image_id))
        await self._delete_unknown(target, found)

    def _believe(self, host_id: str, found: set[str]) -> list[str]:
        """That the host has these checksums; answers which images it lacks."""
        if host_id not in self._hosts:
            return []  # It left while it was asked.
        self._unasked.discard(host_id)
        lacks: list[str] = []
        for image_id, image in self._images.items():
            if image.checksum in found:
                self._missing[image_id].discard(host_id)
            else:
                self._missing[image_id].add(host_id)
                lacks.append(image_id)
        self._to_show |= self._images.keys()
        return lacks

    async def _delete_unknown(self, target: _Target, found: set[str]) -> None:
        known = {image.checksum for image in self._images.values()}
        for checksum in sorted(found - known):
            fence = await self._store.revision()
            if await self._store.count(IMAGES, {"checksum": checksum}):
                continue
            try:
                await self._agents.delete_image(target.address, fence, checksum)
            except (AgentUnreachable, AgentFaulty, Refusal) as problem:
                log.info("the copy %s stays on a host: %s", checksum, problem)

    async def _fetch(self, host_id: str, target: _Target, image: Image) -> None:
        fence = await self._store.revision()
        stored = await self._store.find(IMAGES, image.id)
        if stored is None or not _is_wanted(stored):
            return  # The feed says so too, in a moment.
        url = self._image_url(image.id)
        source = ImageSource(image.id, image.checksum, image.file_size_bytes, url)
        try:
            for datastore_id in target.datastore_ids:
                await self._agents.fetch_image(target.address, fence, datastore_id, source)
        except (AgentUnreachable, AgentFaulty, Refusal) as problem:
            log.warning("host %s did not fetch image %s: %s", host_id, image.id, problem)
            return
        self._missing.get(image.id, set()).discard(host_id)
        self._to_show.add(image.id)
        now = self._clock.monotonic()
        if now - self._shown_at >= SHOWN_EVERY_SECONDS:
            self._shown_at = now
            await self._show(image.id)

    async def _show(self, image_id: str) -> None:
        """Writes how far an image is, once every host has been asked."""
        image = self._images.get(image_id)
        if image is None or not self._hosts:
            self._to_show.discard(image_id)
            return
        if self._unasked:
            return
        having = len(self._hosts) - len(self._missing[image_id])
        percent = 100 * having // len(self._hosts)
        if percent == image.replication_percent:
            self._to_show.discard(image_id)
            return
        shown = msgspec.structs.replace(image, replication_percent=percent)
        try:
            await self._store.commit([Update(IMAGES, shown)])
        except StoreConflict:
            log.info("image %s was changed meanwhile; it is shown later", image_id)


def _some(waiting: Collection[str]) -> int:
    return min(len(waiting), PAGE_SIZE_MAX)


def _is_wanted(image: Image) -> bool:
    return image.state is Readiness.READY and image.replication_type is ReplicationType.EAGER


def _target(host: Host) -> _Target:
    return _Target(HostAddress(host.agent_endpoint, host.id), host.datastore_ids)
