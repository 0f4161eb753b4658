"""The memory that an upload takes does not grow with it."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

from photon.images.library import ImageLibrary
from photon.images.limits import GIB, MIB, ImageLimits
from photon.images.multipart import UploadParser
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from tests.images.test_multipart import CONTENT_TYPE, END, field, file

CHUNK_BYTES = 64 * 1024  # What servers hand over at once.
PEAK_BYTES_MAX = 12 * MIB  # Some batches of a MiB, and the code that is loaded on the way.


async def a_large_form(content_bytes: int) -> AsyncIterator[bytes]:
    """A raw disk in a form: zeros, with a chunk of text in each 8 MiB."""
    zeros, text = bytes(CHUNK_BYTES), b"some text in a block" * 3276 + bytes(16)
    yield field("ImageReplication", "EAGER") + file("big.raw", b"").removesuffix(b"\r\n")
    yield bytes(510) + b"\x55\xaa" + bytes(CHUNK_BYTES - 512)
    for number in range(1, content_bytes // CHUNK_BYTES):
        yield text if number % 128 == 0 else zeros
    yield b"\r\n" + END


async def test_a_gibibyte_is_received_in_the_memory_of_a_few_batches(tmp_path: Path) -> None:
    limits = ImageLimits(free_bytes_min=0)
    library = ImageLibrary(tmp_path, TimeOrderedIds(RealClock()), limits=limits)
    await library.open()
    tracemalloc.start()
    try:
        upload = await UploadParser(CONTENT_TYPE).parse(a_large_form(GIB))
        stored = await library.receive(upload.chunks)
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        await library.close()
    assert stored.virtual_size_bytes == GIB
    assert peak_bytes < PEAK_BYTES_MAX
