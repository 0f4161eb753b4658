"""Amounts as people write them in a plan: 256GB, 10m, 1h30m, 30/h. Each has its unit beside it."""

from __future__ import annotations

import re
from typing import Final

_SIZE: Final = re.compile(r"(?P<value>\d{1,15}(?:\.\d{1,6})?)\s*(?P<unit>[A-Za-z]+)")
_MIB_OF: Final = {
    "M": 1, "MB": 1, "MIB": 1,
    "G": 1 << 10, "GB": 1 << 10, "GIB": 1 << 10,
    "T": 1 << 20, "TB": 1 << 20, "TIB": 1 << 20,
}  # fmt: skip
_SECONDS_OF: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN: Final = re.compile(r"(?:\d{1,9}(?:\.\d{1,6})?(?:ms|s|m|h|d))+")
_SPAN_PART: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m|h|d)")
_RATE: Final = re.compile(r"(?P<count>\d{1,9}(?:\.\d{1,6})?)\s*/\s*(?P<unit>[smhd])")


def size_mib(text: str) -> int | None:
    """Whole MiB; None: it is no size, or not a whole number of MiB. As everywhere in the product,
    GB means 1024 MB."""
    found = _SIZE.fullmatch(text.strip())
    factor = _MIB_OF.get(found["unit"].upper()) if found else None
    if found is None or factor is None:
        return None
    mib = float(found["value"]) * factor
    return int(mib) if mib == int(mib) else None


def span_seconds(text: str) -> float | None:
    """10s, 1h30m, 500ms; None: it is no span of time."""
    compact = text.replace(" ", "")
    if not _SPAN.fullmatch(compact):
        return None
    return sum(float(value) * _SECONDS_OF[unit] for value, unit in _SPAN_PART.findall(compact))


def rate_per_second(text: str) -> float | None:
    """30/h, 2/m; None: it is no rate."""
    found = _RATE.fullmatch(text.strip())
    return float(found["count"]) / _SECONDS_OF[found["unit"]] if found else None


def shown_span(seconds: float | None) -> str:
    """As `span_seconds` reads it, to a precision that a reader wants."""
    if seconds is None:
        return "-"
    if seconds < _SECONDS_OF["m"]:
        return f"{seconds:.1f}s" if seconds != int(seconds) else f"{seconds:.0f}s"
    whole = round(seconds)
    hours, minutes, left = whole // 3600, whole % 3600 // 60, whole % 60
    parts = [(hours, "h"), (minutes, "m"), (left, "s")]
    return "".join(f"{value}{unit}" for value, unit in parts if value)


_WHOLE = 1000  # From here on, parts of a unit tell nobody anything.


def shown_mib(mib: float) -> str:
    for factor, unit in ((1 << 20, "TB"), (1 << 10, "GB")):
        if mib >= factor:
            amount = mib / factor
            return f"{amount:,.0f} {unit}" if amount >= _WHOLE else f"{amount:.4g} {unit}"
    return f"{mib:.4g} MB"
