"""Images come whole and as asked, or not at all."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from photon.agent.drivers.qemu.datastore import Datastore, open_datastore
from photon.agent.drivers.qemu.images import Captures, Images
from photon.agent.drivers.qemu.qcow2 import NotOurKind, virtual_size_bytes
from photon.agent.drivers.qemu.settings import DatastoreSettings
from photon.domain.guest import AgentRefusal, ImageSource
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from tests.drivers.arrange import refused
from tests.drivers.conftest import image_source


@pytest.fixture
def store(tmp_path: Path) -> Datastore:
    return opened(tmp_path)


def opened(directory: Path) -> Datastore:
    settings = DatastoreSettings("local", directory / "local")
    return open_datastore(settings, TimeOrderedIds(RealClock()), directory)


@asynccontextmanager
async def web_server(
    content: bytes, *, status: str = "200 OK"
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serves the content to whoever asks; gives its address, and a list of what was asked."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(f"HTTP/1.1 {status}\r\nConnection: close\r\n\r\n".encode() + content)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/image", asked


def content_of(image: ImageSource) -> bytes:
    return Path(image.url.removeprefix("file://")).read_bytes()


def changed(image: ImageSource, **changes: object) -> ImageSource:
    return msgspec.structs.replace(image, **changes)


async def test_many_callers_share_one_download(store: Datastore, blank_image: ImageSource) -> None:
    images, content = Images(store), content_of(blank_image)
    async with web_server(content) as (url, asked):
        image = changed(blank_image, url=url)
        await asyncio.gather(*(images.fetch(image) for _ in range(5)))
    assert len(asked) == 1
    assert images.path(image.checksum).read_bytes() == content
    assert images.path(image.checksum).stat().st_mode & 0o777 == 0o444


@pytest.mark.parametrize(
    "spoil",
    [
        lambda image: changed(image, checksum="0" * 64),
        lambda image: changed(image, checksum="../" * 21 + "x"),
        lambda image: changed(image, size_bytes=image.size_bytes - 1),
        lambda image: changed(image, size_bytes=image.size_bytes + 1),
        lambda image: changed(image, url="file:///no/such/file"),
        lambda image: changed(image, url="ftp://127.0.0.1/image"),
        lambda image: changed(image, url="http://127.0.0.1:1/image"),
    ],
)
async def test_an_image_that_is_not_as_said_leaves_nothing(
    store: Datastore,
    blank_image: ImageSource,
    spoil: Callable[[ImageSource], ImageSource],
) -> None:
    images = Images(store)
    with refused(AgentRefusal.IMAGE_UNAVAILABLE):
        await images.fetch(spoil(blank_image))
    assert list(store.images.iterdir()) == []


async def test_a_server_that_says_no_is_no_image(
    store: Datastore, blank_image: ImageSource
) -> None:
    async with web_server(b"gone", status="404 Not Found") as (url, _):
        with refused(AgentRefusal.IMAGE_UNAVAILABLE):
            await Images(store).fetch(changed(blank_image, url=url))
    assert list(store.images.iterdir()) == []


async def test_an_image_that_would_read_files_of_the_host_is_refused(
    store: Datastore, tmp_path: Path, qemu: None
) -> None:
    child = tmp_path / "child.qcow2"
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-u", "-F", "raw", "-b", "/etc/passwd"]
    subprocess.run([*create, str(child), "1M"], check=True)  # noqa: ASYNC221  # a few ms, in a test
    with refused(AgentRefusal.IMAGE_UNAVAILABLE):
        await Images(store).fetch(image_source(child))
    assert list(store.images.iterdir()) == []


def test_an_image_with_its_content_elsewhere_is_refused(tmp_path: Path, qemu: None) -> None:
    image, content = tmp_path / "image.qcow2", tmp_path / "content.raw"
    create = ["qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={content}"]
    subprocess.run([*create, str(image), "1M"], check=True)
    with pytest.raises(NotOurKind):
        virtual_size_bytes(image)


@pytest.mark.parametrize("content", [b"", b"QFI\xfb", b"\0" * 4096, b"<html>" * 100])
def test_what_is_no_qcow2_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "image"
    path.write_bytes(content)
    with pytest.raises(NotOurKind):
        virtual_size_bytes(path)


async def test_a_download_that_a_dead_agent_left_is_swept(tmp_path: Path) -> None:
    store = opened(tmp_path)
    (store.images / ".new-abc.qcow2").write_bytes(b"half")
    (store.captures / "undescribed.qcow2").write_bytes(b"half")
    again = opened(tmp_path)
    Captures(again).open()
    assert again.id == store.id
    assert list(again.images.iterdir()) == []
    assert list(again.captures.iterdir()) == []
