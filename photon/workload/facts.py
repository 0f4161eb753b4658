"""What can be said of something that others change at the same time.

A client knows when it asked and when it was answered; what it asked for happened at some moment in
between, or, if no answer came, at any later moment, or never. So nothing here says what is: it says
what may be, and what must be, during a span of moments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from photon.workload.history import Moment

NEVER: Final[Moment] = 1 << 62  # Later than every moment.
BEFORE_MAX: Final = 32  # A read that lasts while more changes end is not judged by the value.

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Span:
    """From when something was asked until it was answered."""

    begin: Moment
    end: Moment


@dataclass(slots=True)
class Life:
    """Of one thing. It began between `asked` and `made`, and ended between `leaving` and `gone`.

    From `closed` on nothing new can be made of it: that its end was wanted is acknowledged, though
    it may stay until its last user goes.
    """

    asked: Moment
    made: Moment = NEVER
    leaving: Moment = NEVER
    gone: Moment = NEVER
    closed: Moment = NEVER
    deletes: int = 0  # that were asked and are neither done nor refused

    def surely(self, span: Span) -> bool:
        """It was there at each moment of the span."""
        return self.made <= span.begin and span.end < self.leaving

    def maybe(self, span: Span) -> bool:
        """It may have been there at some moment of the span."""
        return self.asked <= span.end and span.begin < self.gone

    def maybe_open(self, span: Span) -> bool:
        """Something could be made of it at some moment of the span."""
        return self.asked <= span.end and span.begin < self.closed

    @property
    def is_usable(self) -> bool:
        """As far as is known now: made, and nobody wants it gone."""
        return self.made != NEVER and self.leaving == NEVER

    def delete_asked(self, at: Moment) -> None:
        self.deletes += 1
        self.leaving = min(self.leaving, at)

    def delete_refused(self) -> None:
        """It changed nothing. One whose answer was lost may still be on its way."""
        self.deletes -= 1
        if self.deletes == 0 and self.closed == NEVER:
            self.leaving = NEVER

    def close(self, at: Moment) -> None:
        """Its end is acknowledged; it goes when nothing has it any more."""
        self.closed = min(self.closed, at)
        self.leaving = min(self.leaving, at)

    def deleted(self, at: Moment) -> None:
        self.gone = min(self.gone, at)
        self.closed = min(self.closed, at)
        self.leaving = min(self.leaving, at)


@dataclass(frozen=True, slots=True, eq=False)
class Change(Generic[Value]):
    """A change that was asked for. `after` gives the value that it leaves, from the one it met."""

    asked: Moment
    after: Callable[[Value], Value | None]
    before: frozenset[Value]  # what may have been when it was asked


class Cell(Generic[Value]):
    """One value that changes overlap on: `values` are all that it may be now."""

    __slots__ = ("_before", "_pending", "_settled", "values")

    def __init__(self, *values: Value) -> None:
        self.values: frozenset[Value] = frozenset(values)
        self._settled: Moment = 0  # when the last change was known to be over
        self._pending: list[Change[Value]] = []
        self._before: list[tuple[Moment, frozenset[Value]]] = []  # until when, and what it was

    @property
    def is_sure(self) -> bool:
        return len(self.values) == 1

    def during(self, span: Span) -> frozenset[Value] | None:
        """All that it may have been in the span; None: that is not remembered."""
        if len(self._before) == BEFORE_MAX and span.begin <= self._before[0][0]:
            return None
        return self.values.union(*(known for until, known in self._before if until > span.begin))

    def begin(self, at: Moment, after: Callable[[Value], Value | None]) -> Change[Value]:
        """`after` answers None where the change cannot happen to a value."""
        change = Change(at, after, self.values)
        self._pending.append(change)
        self._now(at, self.values)
        return change

    def done(self, change: Change[Value], at: Moment) -> None:
        """It happened. If nothing else was under way meanwhile, what it left is what is."""
        alone = self._over(change, at)
        left = _after((change,), self.values)
        self._now(at, left if alone and left else self.values)

    def refused(self, change: Change[Value], at: Moment) -> None:
        """It did not happen, so what only it could have left is not."""
        alone = self._over(change, at)
        self._now(at, change.before if alone else self.values)

    def unknown(self, change: Change[Value], at: Moment) -> None:
        """It may have happened."""
        self._over(change, at)

    def put(self, at: Moment, values: frozenset[Value]) -> None:
        """Somebody else may have made it so."""
        self._settled = at
        self._now(at, self.values | values)

    def _over(self, change: Change[Value], at: Moment) -> bool:
        """Whether it was the only one from when it was asked until now."""
        self._pending.remove(change)
        alone = not self._pending and self._settled <= change.asked
        self._settled = at
        return alone

    def _now(self, at: Moment, values: frozenset[Value]) -> None:
        """These, and all that pending changes may make of them, in any order."""
        while not (new := _after(self._pending, values)) <= values:
            values |= new
        if values != self.values:
            self._before = [*self._before[1 - BEFORE_MAX :], (at, self.values)]
            self.values = values


def _after(changes: Sequence[Change[Value]], values: frozenset[Value]) -> frozenset[Value]:
    # In any order: they make a set again.
    left = (change.after(value) for change in changes for value in values)
    return frozenset(value for value in left if value is not None)
