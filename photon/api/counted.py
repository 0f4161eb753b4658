"""Numbers of things, as an error says them."""

from __future__ import annotations

from photon.store.protocol import IN_USE_COUNT_MAX


def counted(count: int, noun: str) -> str:
    """`1 project`, `3 projects`; `100 or more projects` where counting stopped."""
    number = f"{count} or more" if count >= IN_USE_COUNT_MAX else str(count)
    return f"{number} {noun}" if count == 1 else f"{number} {noun}s"
