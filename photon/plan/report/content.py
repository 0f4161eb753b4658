"""What a report is made of, whoever shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Rows:
    """A table. Cells are text already; `numbers` are the places of columns that are amounts."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Plot:
    """An SVG, which has a caption, and a table beside it that says the same."""

    caption: str
    svg: str


@dataclass(frozen=True, slots=True)
class Section:
    """`plots` are for those who can show them; the rest says all that matters."""

    title: str
    sentences: Sequence[str] = ()
    tables: Sequence[Rows] = ()
    plots: Sequence[Plot] = field(default_factory=tuple)
    closing: Sequence[str] = ()
