"""Parts of a drawing. Colours are the page's: series 0 to 7, marks, grid; so dark is as light.

Everything drawn is told again as text (`title`), for those who point at it or cannot see it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

STEPS = 4  # More or less so many lines of a grid help an eye.
SERIES_MAX = 8  # As many colours as can be told apart, also by the colour-blind.


def number(value: float) -> str:
    """As short as it is sharp: a tenth of a pixel."""
    text = f"{value:.1f}"
    return text.removesuffix(".0")


def drawing(width: float, height: float, label: str, parts: Iterable[str]) -> str:
    return (
        f'<svg viewBox="0 0 {number(width)} {number(height)}" role="img" '
        f'aria-label="{escape(label)}" class="plot">{"".join(parts)}</svg>'
    )


@dataclass(frozen=True, slots=True)
class Area:
    x: float
    y: float
    width: float
    height: float


def box(area: Area, style: str, title: str = "") -> str:
    return (
        f'<rect x="{number(area.x)}" y="{number(area.y)}" width="{number(max(area.width, 0))}" '
        f'height="{number(max(area.height, 0))}" class="{style}">{told(title)}</rect>'
    )


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return (
        f'<line x1="{number(x1)}" y1="{number(y1)}" x2="{number(x2)}" y2="{number(y2)}" '
        f'class="{style}"/>'
    )


def path(points: Iterable[tuple[float, float]], style: str, title: str = "") -> str:
    steps = " L".join(f"{number(x)} {number(y)}" for x, y in points)
    return f'<path d="M{steps}" class="{style}">{told(title)}</path>' if steps else ""


def text(x: float, y: float, content: str, style: str = "", anchor: str = "start") -> str:
    return (
        f'<text x="{number(x)}" y="{number(y)}" text-anchor="{anchor}" class="{style}">'
        f"{escape(content)}</text>"
    )


def told(title: str) -> str:
    return f"<title>{escape(title)}</title>" if title else ""


def round_steps(most: float, *, whole: bool) -> list[float]:
    """0 and some round numbers, the last at or above `most`; no fractions, if they are `whole`."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / STEPS
    power = 10.0 ** _floor_log10(rough)
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough)
    if whole:
        step = max(step, 1.0)
    count = int(-(-most // step))
    return [round(step * place, 9) for place in range(count + 1)]


def _floor_log10(value: float) -> int:
    power = 0
    while value >= 10:
        value, power = value / 10, power + 1
    while value < 1:
        value, power = value * 10, power - 1
    return power


def legend(names: Iterable[str], x: float, y: float) -> str:
    parts = []
    for place, name in enumerate(names):
        parts.append(box(Area(x, y - 9, 10, 10), f"fill s{place % SERIES_MAX}"))
        parts.append(text(x + 15, y, name, "small"))
        x += 15 + 6.4 * len(name) + 18
    return "".join(parts)
