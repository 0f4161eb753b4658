"""A run of bytes within a file: a whole upload, or the disk inside an OVA."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Span:
    offset: int
    bytes: int
