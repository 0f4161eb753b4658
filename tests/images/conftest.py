"""A library in a directory of the test's own, and a disk to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from photon.images.library import ImageLibrary
from photon.images.limits import ImageLimits
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from tests.images.builders import Opener, a_raw_disk


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "library"


@pytest.fixture
async def open_library(root: Path) -> AsyncIterator[Opener]:
    opened: list[ImageLibrary] = []

    async def open_one(limits: ImageLimits) -> ImageLibrary:
        opened.append(ImageLibrary(root, TimeOrderedIds(RealClock()), limits=limits))
        await opened[-1].open()
        return opened[-1]

    yield open_one
    for library in opened:
        await library.close()


@pytest.fixture
async def library(open_library: Opener) -> ImageLibrary:
    return await open_library(ImageLimits(free_bytes_min=0))


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    return a_raw_disk(tmp_path / "disk.raw")


@pytest.fixture
def content(raw: Path) -> bytes:
    return raw.read_bytes()
