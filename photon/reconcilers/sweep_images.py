"""Files of the image library that no image has.

Several controllers share a library, and one of them sweeps it. An upload puts its file on the shelf
some time before its image says which file it has. Until then the image is CREATING, or not there
yet and somebody is receiving it into the library: then nothing is deleted.
The three questions are asked in this order, so that no upload slips through between them; one that
begins after the first is still receiving at the last.
"""

from __future__ import annotations

import logging
from typing import Final

from photon.domain.readiness import Readiness
from photon.images.protocol import Images
from photon.store.nouns import IMAGES
from photon.store.protocol import CloudStore

FILES_A_PASS_MAX: Final = 1000  # Two reads each; deletes that a person asks for are fewer.

log = logging.getLogger(__name__)


class ImageSweeper:
    def __init__(self, store: CloudStore, images: Images) -> None:
        self._store = store
        self._images = images
        self._after = ""  # the checksum where the last pass stopped

    async def once(self) -> None:
        """Looks at some files, from where the last pass stopped."""
        files = [file for file in await self._images.list() if file.checksum > self._after]
        self._after = "" if len(files) <= FILES_A_PASS_MAX else files[FILES_A_PASS_MAX - 1].checksum
        for file in files[:FILES_A_PASS_MAX]:
            if await self._is_unwanted(file.checksum):
                log.info("no image has the file %s: deleted", file.checksum)
                await self._images.delete(file)

    async def _is_unwanted(self, checksum: str) -> bool:
        if await self._store.count(IMAGES, {"state": Readiness.CREATING}):
            return False
        if await self._store.count(IMAGES, {"checksum": checksum}):
            return False
        return not await self._images.receives()
