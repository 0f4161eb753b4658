"""How far a plan is, on a terminal; nothing where nobody looks.

Drawn by whoever makes progress, never by a thread: a plan forks, and threads do not survive that.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Drawn

DRAW_SECONDS: Final = 0.1  # Ten times a second moves; more often costs what is measured.


class Progress(Protocol):
    def stage(self, what: str, total: int) -> None:
        """Something else begins, of so many steps."""
        ...

    def step(self) -> None:
        """One of them is done."""
        ...


class Silent:
    """For those who do not look."""

    def stage(self, what: str, total: int) -> None:
        return

    def step(self) -> None:
        return


class _Bar:
    def __init__(self, drawn: Drawn) -> None:
        self._drawn = drawn
        self._task: TaskID | None = None
        self._drawn_at = 0.0

    def stage(self, what: str, total: int) -> None:
        if self._task is not None:
            self._drawn.update(self._task, completed=self._drawn.tasks[-1].total)
        self._task = self._drawn.add_task(what, total=total)
        self._draw(always=True)

    def step(self) -> None:
        if self._task is not None:
            self._drawn.advance(self._task)
            self._draw(always=False)

    def _draw(self, *, always: bool) -> None:
        now = time.monotonic()
        if always or now - self._drawn_at >= DRAW_SECONDS:
            self._drawn_at = now
            self._drawn.refresh()


@contextmanager
def shown(console: Console) -> Iterator[Progress]:
    if not console.is_terminal:
        yield Silent()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Drawn(*columns, TimeElapsedColumn(), console=console, auto_refresh=False) as drawn:
        yield _Bar(drawn)
