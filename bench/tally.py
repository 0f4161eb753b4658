"""What has been measured so far, and the line that shows it while it is measured."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.progress import bar
from bench.result import percentile

SHOW_SECONDS = 1.0


@dataclass(slots=True)
class Tally:
    """`latencies_ms` has one entry an operation that went well; `problem` is the first that did
    not."""

    count: int
    latencies_ms: list[float] = field(default_factory=list)
    errors: int = 0
    problem: str = ""

    def took(self, seconds: float) -> None:
        self.latencies_ms.append(seconds * 1000)

    def failed(self, problem: str) -> None:
        self.errors += 1
        self.problem = self.problem or problem


@asynccontextmanager
async def shown(tally: Tally, unit: str = "") -> AsyncIterator[None]:
    """Shows the tally on a terminal, once a second: the rate and the latencies of that second.
    `unit`: what is counted, where it is not what the benchmark is called after."""
    if not sys.stderr.isatty():
        yield
        return
    showing = asyncio.create_task(_show(tally, f" {unit}" if unit else ""))
    try:
        yield
    finally:
        showing.cancel()
        print(file=sys.stderr)


async def _show(tally: Tally, unit: str) -> None:
    last = 0
    while True:
        await asyncio.sleep(SHOW_SECONDS)
        done = len(tally.latencies_ms)
        recent = sorted(tally.latencies_ms[last:])
        print(
            f"\r  [{bar(done, tally.count)}] {done:,}/{tally.count:,}{unit}"
            f"  {(done - last) / SHOW_SECONDS * 60:,.0f}/min"
            f"  p50 {percentile(recent, 0.5):.0f} ms  p99 {percentile(recent, 0.99):.0f} ms"
            f"  errors {tally.errors}\x1b[K",
            end="",
            file=sys.stderr,
            flush=True,
        )
        last = done
