"""How long what broke stayed broken, as clients see it: from attempts and faults to a table.

Every attempt of every class of operation is kept: when it began, when it ended, and how. A fault
broke a class if an attempt that was under way at its injection or began later failed, or took so
long that its client noticed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Final

# Well operations take milliseconds, on a loaded machine some hundred: whoever waits this long was
# kept waiting by something.
SLOW_SECONDS: Final = 1.5
AT: Final = " at "  # Between what is asked and of which part, in an operation's name.


@dataclass(frozen=True, slots=True)
class Attempt:
    """Seconds are of one clock for all, from the start of the run."""

    operation: str
    began: float
    ended: float
    problem: str | None = None  # why it failed; None: it did not

    @property
    def broken(self) -> bool:
        return self.problem is not None or self.ended - self.began > SLOW_SECONDS


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault as it came to be. What breaks before `until` is its doing."""

    name: str
    part: str
    at: float
    healed: float
    until: float
    alone: bool  # no other fault was there


@dataclass(frozen=True, slots=True)
class Outage:
    """What one fault did to one class of operations. Seconds count from the injection.

    `first_seconds`: until the first success after the first failure. `last_seconds`: until the
    success after the last failure: afterwards nobody noticed anything. Either is None if it did not
    come in the time of the fault.
    """

    operation: str
    first_seconds: float | None
    last_seconds: float | None
    failed: int
    slow: int
    attempts: int
    longest_seconds: float  # the longest time for which no attempt that succeeded was under way


def outages(fault: Injected, attempts: Iterable[Attempt]) -> list[Outage]:
    """Of each class that the fault broke, by name."""
    by_operation: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.ended >= fault.at and attempt.began < fault.until:
            by_operation.setdefault(attempt.operation, []).append(attempt)
    found = [_outage(fault, name, of) for name, of in sorted(by_operation.items())]
    return [outage for outage in found if outage is not None]


def _outage(fault: Injected, operation: str, attempts: list[Attempt]) -> Outage | None:
    ordered = sorted(attempts, key=lambda attempt: attempt.ended)
    broken = [number for number, attempt in enumerate(ordered) if attempt.broken]
    if not broken:
        return None
    first = _success(ordered[broken[0] :])
    last = _success(ordered[broken[-1] :])
    return Outage(
        operation,
        None if first is None else first - fault.at,
        None if last is None else last - fault.at,
        sum(attempt.problem is not None for attempt in ordered),
        sum(attempt.problem is None and attempt.broken for attempt in ordered),
        len(ordered),
        _longest(fault.at, ordered),
    )


def _success(attempts: Sequence[Attempt]) -> float | None:
    """A slow one counts: whoever waits gets an answer."""
    return next((attempt.ended for attempt in attempts if attempt.problem is None), None)


def _longest(since: float, ordered: Sequence[Attempt]) -> float:
    ends = [since, *(attempt.ended for attempt in ordered if attempt.problem is None)]
    gaps = [later - earlier for earlier, later in pairwise(ends)]
    return max(gaps, default=0.0)


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of fault and a class of operations that it broke, over all times that it came.

    An `operation` of "-" says that the fault broke none.
    """

    fault: str
    times: int
    operation: str
    broke: int  # in so many of those times
    first_median: float | None
    first_worst: float | None
    last_worst: float | None
    failed: int
    attempts: int
    longest_seconds: float
    unrecovered: int


def table(faults: Sequence[Injected], attempts: Sequence[Attempt]) -> list[Row]:
    """Faults that came together with another are left out: whose doing it was nobody can say."""
    by_name: dict[str, list[Injected]] = {}
    for fault in faults:
        if fault.alone:
            by_name.setdefault(fault.name, []).append(fault)
    rows: list[Row] = []
    for name, same in sorted(by_name.items()):
        by_operation: dict[str, list[tuple[int, Outage]]] = {}
        for number, fault in enumerate(same):
            for outage in outages(fault, attempts):
                called = relative(outage.operation, fault.part)
                by_operation.setdefault(called, []).append((number, outage))
        rows += [_row(name, len(same), *of) for of in sorted(by_operation.items())]
        if not by_operation:
            rows.append(Row(name, len(same), "-", 0, None, None, None, 0, 0, 0.0, 0))
    return rows


def relative(operation: str, part: str) -> str:
    """What is asked of one part, as it looks from the part that had the fault: "read at it"."""
    what, at, whom = operation.partition(AT)
    if not at:
        return operation
    return f"{what}{AT}{'it' if whom == part else 'another'}"


def _row(name: str, times: int, operation: str, found: Sequence[tuple[int, Outage]]) -> Row:
    outages = [outage for _, outage in found]
    firsts = [each.first_seconds for each in outages if each.first_seconds is not None]
    lasts = [each.last_seconds for each in outages if each.last_seconds is not None]
    return Row(
        name,
        times,
        operation,
        len({number for number, _ in found}),
        median(firsts) if firsts else None,
        max(firsts, default=None),
        max(lasts, default=None),
        sum(each.failed for each in outages),
        sum(each.attempts for each in outages),
        max(each.longest_seconds for each in outages),
        sum(each.last_seconds is None for each in outages),
    )
