"""Amounts over time, as steps: nothing is between two samples but the one before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from photon.plan.amounts import shown_span
from photon.plan.report import svg

_LEFT: Final = 52.0
_RIGHT: Final = 14.0
_TOP: Final = 26.0
_BOTTOM: Final = 24.0
_POINT_STEP_PIXELS_MIN: Final = 0.5  # Finer than that no eye sees, and the file only grows.


@dataclass(frozen=True, slots=True)
class Series:
    """Points in the order of time: seconds, amount."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time that is shaded: something was away."""

    begin: float
    end: float
    what: str


@dataclass(frozen=True, slots=True)
class Frame:
    label: str
    seconds: float
    width: float = 860.0
    height: float = 230.0
    show: Callable[[float], str] = lambda value: f"{value:,.4g}"
    spans: Sequence[Span] = ()
    marks: Sequence[tuple[float, str]] = field(default_factory=tuple)
    most: float = 0.0  # the scale goes at least to here
    whole: bool = True  # amounts are counts: no line of the grid is between two


def lines(frame: Frame, series: Sequence[Series]) -> str:
    most = max([frame.most, *(value for each in series for _, value in each.points)])
    steps = svg.round_steps(most, whole=frame.whole)
    room = frame.width - _LEFT - _RIGHT
    seconds = max(frame.seconds, 1e-9)
    bottom = frame.height - _BOTTOM

    def x_of(at: float) -> float:
        return _LEFT + min(at / seconds, 1.0) * room

    def y_of(value: float) -> float:
        return bottom - value / steps[-1] * (bottom - _TOP)

    parts = [svg.legend([each.name for each in series], _LEFT, 13)]
    for span in frame.spans:
        begin, end = x_of(span.begin), x_of(span.end)
        said = f"{span.what}: {shown_span(span.begin)} to {shown_span(span.end)}"
        area = svg.Area(begin, _TOP, end - begin, bottom - _TOP)
        parts.append(svg.box(area, "away", said))
    for step in steps:
        parts.append(svg.line(_LEFT, y_of(step), frame.width - _RIGHT, y_of(step), "grid"))
        parts.append(svg.text(_LEFT - 6, y_of(step) + 4, frame.show(step), "small", "end"))
    parts += _times(frame, x_of, bottom)
    for at, what in frame.marks:
        parts.append(
            f'<g class="mark">{svg.told(f"{shown_span(at)}: {what}")}'
            f"{svg.line(x_of(at), _TOP, x_of(at), bottom, 'mark')}</g>"
        )
    for place, each in enumerate(series):
        points = _stepped(each.points, x_of, y_of, frame.seconds)
        parts.append(svg.path(points, f"line l{place % svg.SERIES_MAX}", each.name))
    return svg.drawing(frame.width, frame.height, frame.label, parts)


def _times(frame: Frame, x_of: Callable[[float], float], bottom: float) -> list[str]:
    step = next(
        (each for each in _TIME_STEPS if frame.seconds / each <= frame.width / 110),
        _TIME_STEPS[-1],
    )
    count = int(frame.seconds / step + 1e-9)
    times = [place * step for place in range(count + 1)]
    return [svg.text(x_of(at), bottom + 16, shown_span(at), "small", "middle") for at in times]


_TIME_STEPS: Final = (
    1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    14400.0, 21600.0, 43200.0, 86400.0,
)  # fmt: skip


def _stepped(
    points: Sequence[tuple[float, float]],
    x_of: Callable[[float], float],
    y_of: Callable[[float], float],
    end: float,
) -> list[tuple[float, float]]:
    drawn: list[tuple[float, float]] = []
    for place, (at, value) in enumerate(points):
        is_last = place == len(points) - 1
        if drawn and not is_last and x_of(at) - drawn[-1][0] < _POINT_STEP_PIXELS_MIN:
            continue
        y = y_of(value)
        if drawn and drawn[-1][1] != y:
            drawn.append((x_of(at), drawn[-1][1]))
        if not drawn or drawn[-1][1] != y or is_last:
            drawn.append((x_of(at), y))
    if drawn:
        drawn.append((x_of(end), drawn[-1][1]))
    return drawn
