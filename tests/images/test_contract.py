"""ImageLibrary keeps the contract of image libraries."""

from __future__ import annotations

import pytest

from photon.images.library import ImageLibrary
from photon.images.limits import ImageLimits
from tests.images.builders import Opener
from tests.images.contract import ImagesContract

LIMITS = ImageLimits(free_bytes_min=0, uploads_max=2)


@pytest.fixture
async def images(open_library: Opener) -> ImageLibrary:
    return await open_library(LIMITS)


@pytest.fixture
async def shared(open_library: Opener) -> ImageLibrary:
    return await open_library(LIMITS)


class TestInADirectory(ImagesContract): ...
