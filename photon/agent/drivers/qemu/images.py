"""The host's images and captures: qcow2 files by checksum, never written once they are there."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import httpx2
import msgspec

from photon.agent.drivers.qemu.commands import on_the_host
from photon.agent.drivers.qemu.datastore import Datastore
from photon.agent.drivers.qemu.durable import MAKING, publish, write_durably
from photon.agent.drivers.qemu.qcow2 import NotOurKind, flatten, virtual_size_bytes
from photon.domain.guest import AgentRefusal, CapturedImage, ImageSource, Refusal

FETCH_SECONDS = 3600.0  # An image of tens of GiB over a slow link.
FETCHES_MAX = 4  # More share the same link and disk.
COPIES_MAX = 2  # Each keeps a disk and a core busy.
SILENCE_SECONDS = 30.0  # A server that says nothing for so long is gone.
CHUNK_BYTES = 1 << 20  # Hashing and writing one takes about a millisecond.
READ_ONLY = 0o444  # A child's commit can never reach its base.


class Images:
    def __init__(self, store: Datastore) -> None:
        self._store = store
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._fetches = asyncio.Semaphore(FETCHES_MAX)

    def path(self, checksum: str) -> Path:
        return self._store.images / f"{checksum}.qcow2"

    def has(self, checksum: str) -> bool:
        return _is_sha256(checksum) and self.path(checksum).exists()

    def checksums(self) -> list[str]:
        stems = (path.stem for path in self._store.images.glob("*.qcow2"))
        return sorted(stem for stem in stems if _is_sha256(stem))

    async def fetch(self, image: ImageSource) -> None:
        """Brings the image here; callers that want the same one share one download."""
        if not _is_sha256(image.checksum):
            raise _unavailable(image, "its checksum is not a sha256 in lowercase hex")
        if self.has(image.checksum):
            return
        task = self._fetching.get(image.checksum)
        if task is None:
            task = asyncio.create_task(self._fetch(image))
            self._fetching[image.checksum] = task
            task.add_done_callback(lambda done: self._fetched(image.checksum, done))
        # Shielded: one caller that gives up does not take the download from the others.
        await asyncio.shield(task)

    def delete(self, checksum: str) -> None:
        if self.has(checksum):
            self.path(checksum).unlink(missing_ok=True)

    async def close(self) -> None:
        tasks = list(self._fetching.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _fetched(self, checksum: str, task: asyncio.Task[None]) -> None:
        self._fetching.pop(checksum, None)
        if not task.cancelled():
            task.exception()  # Seen here too, in case that every caller has gone.

    async def _fetch(self, image: ImageSource) -> None:
        making = self._store.images / f"{MAKING}{image.checksum}.qcow2"
        try:
            async with asyncio.timeout(FETCH_SECONDS), self._fetches:
                await _download(image, making)
            virtual_size_bytes(making)
            making.chmod(READ_ONLY)
            await asyncio.to_thread(publish, making, self.path(image.checksum))
        except (httpx2.HTTPError, httpx2.StreamError, OSError, NotOurKind, TimeoutError) as error:
            raise _unavailable(image, str(error) or type(error).__name__) from error
        finally:
            making.unlink(missing_ok=True)


class Captures:
    """Images made from guests' disks, until the control plane has taken them."""

    def __init__(self, store: Datastore) -> None:
        self._store = store
        self._copies = asyncio.Semaphore(COPIES_MAX)

    def open(self) -> None:
        """Removes copies that were finished, but not described, when the agent died."""
        for path in self._store.captures.glob("*.qcow2"):
            if not self._description(path.stem).exists():
                path.unlink()

    def path(self, image_id: str) -> Path:
        return self._store.captures / f"{image_id}.qcow2"

    def find(self, image_id: str) -> CapturedImage | None:
        try:
            content = self._description(image_id).read_bytes()
        except FileNotFoundError:
            return None
        return msgspec.json.decode(content, type=CapturedImage)

    async def make(self, disk: Path, image_id: str) -> CapturedImage:
        making = self.path(f"{MAKING}{image_id}")
        with on_the_host("Copying the disk"):
            async with self._copies:
                return await self._make(disk, making, image_id)

    async def _make(self, disk: Path, making: Path, image_id: str) -> CapturedImage:
        try:
            await flatten(disk, making)
            return await asyncio.to_thread(self._publish, making, image_id)
        finally:
            _discard(making)

    def _publish(self, making: Path, image_id: str) -> CapturedImage:
        captured = CapturedImage(
            url="",
            checksum=_sha256(making),
            virtual_size_bytes=virtual_size_bytes(making),
            file_size_bytes=making.stat().st_size,
        )
        publish(making, self.path(image_id))
        # Last: whoever finds the description finds the file.
        write_durably(self._description(image_id), msgspec.json.encode(captured))
        return captured

    def drop(self, image_id: str) -> None:
        self._description(image_id).unlink(missing_ok=True)
        self.path(image_id).unlink(missing_ok=True)

    def _description(self, image_id: str) -> Path:
        return self._store.captures / f"{image_id}.json"


async def _download(image: ImageSource, making: Path) -> None:
    """Writes the image, and makes sure that it is what was asked for."""
    digest, size = hashlib.sha256(), 0
    with _opened_new(making) as file:

        def take(chunk: bytes) -> None:
            digest.update(chunk)
            file.write(chunk)

        async for chunk in _chunks(image):
            size += len(chunk)
            if size > image.size_bytes:
                raise _unavailable(image, f"it is longer than its {image.size_bytes} bytes")
            await asyncio.to_thread(take, chunk)
    if (size, digest.hexdigest()) != (image.size_bytes, image.checksum):
        raise _unavailable(image, "what came has another checksum or size")


async def _chunks(image: ImageSource) -> AsyncIterator[bytes]:
    url = urlsplit(image.url)
    if url.scheme == "file":
        with _opened(Path(unquote(url.path))) as source:
            while chunk := await asyncio.to_thread(source.read, CHUNK_BYTES):
                yield chunk
    elif url.scheme in ("http", "https"):
        async with (
            httpx2.AsyncClient(timeout=SILENCE_SECONDS, trust_env=False) as client,
            client.stream("GET", image.url) as answer,
        ):
            answer.raise_for_status()
            async for chunk in answer.aiter_bytes(CHUNK_BYTES):
                yield chunk
    else:
        raise _unavailable(image, "its address is not http, https or file")


def _discard(path: Path) -> None:
    path.unlink(missing_ok=True)


def _opened_new(path: Path) -> BinaryIO:
    path.unlink(missing_ok=True)
    return path.open("xb")


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_sha256(checksum: str) -> bool:
    return len(checksum) == 64 and not set(checksum) - set("0123456789abcdef")


def _unavailable(image: ImageSource, why: str) -> Refusal:
    return Refusal(
        AgentRefusal.IMAGE_UNAVAILABLE,
        f"Image {image.id} could not be brought to this host: {why}.",
        image_id=image.id,
        checksum=image.checksum,
    )
