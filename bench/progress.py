"""One line on a terminal that says how far a loop is."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

SHOW_SECONDS = 0.5
BAR_WIDTH = 20

T = TypeVar("T")


def counted(items: Iterable[T], total: int, unit: str) -> Iterator[T]:
    """The same items; on a terminal, a bar meanwhile."""
    if not sys.stderr.isatty():
        yield from items
        return
    began = shown = time.perf_counter()
    for done, item in enumerate(items):
        now = time.perf_counter()
        if now - shown >= SHOW_SECONDS:
            shown = now
            _show(done, total, unit, now - began)
        yield item
    _show(total, total, unit, time.perf_counter() - began)
    print(file=sys.stderr)


def bar(done: int, total: int) -> str:
    filled = BAR_WIDTH * min(done, total) // max(total, 1)
    return "#" * filled + "." * (BAR_WIDTH - filled)


def _show(done: int, total: int, unit: str, seconds: float) -> None:
    print(
        f"\r  [{bar(done, total)}] {done:,}/{total:,} {unit}  {done / (seconds or 1):,.0f}/s\x1b[K",
        end="",
        file=sys.stderr,
        flush=True,
    )
