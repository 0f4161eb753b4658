"""Horizontal bars, each of several parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from photon.plan.report import svg

WIDTH: Final = 860.0
_BAR: Final = 20.0
_STEP: Final = 30.0
_TOP: Final = 28.0
_LETTER: Final = 6.6  # Of the font that labels are in, more or less.
_LABEL_LETTERS_MAX: Final = 34  # A name of 63 letters would leave no room for bars.


@dataclass(frozen=True, slots=True)
class Bar:
    """`parts` in the order of the plot's series; `said` stands behind the bar."""

    label: str
    parts: Sequence[float]
    said: str


def bars(label: str, series: Sequence[str], rows: Sequence[Bar]) -> str:
    labels = [_cut(row.label) for row in rows]
    left = max(len(each) for each in labels) * _LETTER + 14
    right = max(len(row.said) for row in rows) * _LETTER + 14
    room = WIDTH - left - right
    most = max([1.0, *(sum(row.parts) for row in rows)])
    parts = [svg.legend(series, left, 14)] if len(series) > 1 else []
    top = _TOP if parts else 6.0
    for place, row in enumerate(rows):
        y = top + place * _STEP
        parts.append(svg.text(left - 8, y + 14, labels[place], anchor="end"))
        x = left
        for number, part in enumerate(row.parts):
            width = part / most * room
            title = f"{row.label}: {series[number]} {part:g}" if series else f"{row.label} {part:g}"
            if part:
                area = svg.Area(x, y, width, _BAR)
                parts.append(svg.box(area, f"fill s{number % svg.SERIES_MAX}", title))
            x += width
        parts.append(svg.text(x + 8, y + 14, row.said, "small"))
    return svg.drawing(WIDTH, top + len(rows) * _STEP, label, parts)


def _cut(text: str) -> str:
    return text if len(text) <= _LABEL_LETTERS_MAX else f"{text[: _LABEL_LETTERS_MAX - 1]}…"
