"""The images of simulated controllers keep the contract of image libraries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from photon.images.limits import ImageLimits
from photon.simulation.images import MemoryImages, MemoryShelf
from tests.images.builders import a_raw_disk, in_chunks
from tests.images.contract import ImagesContract

LIMITS = ImageLimits(uploads_max=2)


@pytest.fixture
def shelf() -> MemoryShelf:
    return MemoryShelf()


@pytest.fixture
async def images(shelf: MemoryShelf) -> MemoryImages:
    images = MemoryImages(shelf, "c1", limits=LIMITS)
    await images.open()
    return images


@pytest.fixture
async def shared(shelf: MemoryShelf) -> MemoryImages:
    shared = MemoryImages(shelf, "c2", limits=LIMITS)
    await shared.open()
    return shared


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return a_raw_disk(tmp_path / "disk.raw")


@pytest.fixture
def content(raw: Path) -> bytes:
    return raw.read_bytes()


class TestInMemory(ImagesContract): ...


async def test_what_a_dead_process_was_receiving_is_nobodys(
    shelf: MemoryShelf, images: MemoryImages, shared: MemoryImages, content: bytes
) -> None:
    await images.receive(in_chunks(content))

    async def for_ever() -> AsyncIterator[bytes]:
        yield content
        shelf.forget("c1")  # here it dies
        assert not await shared.receives()

    await images.receive(for_ever())
