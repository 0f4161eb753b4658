"""An answer that is not JSON: bytes that are sent as they are read."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Download:
    chunks: AsyncIterator[bytes]
    size_bytes: int | None
    content_type: str
