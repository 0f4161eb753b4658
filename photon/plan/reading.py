"""Reads one value after the other, says what is wrong with it, and goes on.

What was wrong is given as the least that would do, which nobody uses: `Sheet.judge` ends the
reading with all that was said.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from photon.domain.names import NAME_LENGTH_MAX, is_name
from photon.plan.amounts import rate_per_second, shown_span, size_mib, span_seconds
from photon.plan.problems import Sheet
from photon.plan.tree import Items, Members, Scalar, Value

T = TypeVar("T")
N = TypeVar("N", int, float)

RATE_MIN: Final = 1e-6  # One in eleven days: less than one in any simulation.
SHOWN_MAX: Final = 40  # Of a value that is told back; a hostile one is long.
LABEL_MAX: Final = 80  # Of a port group; vSphere's own limit.
_LABEL: Final = re.compile(r"[\w.:/()-](?:[\w .:/()-]*[\w.:/()-])?")
_YES_OR_NO: Final = {"true": True, "yes": True, "false": False, "no": False}


@dataclass(frozen=True, slots=True)
class Span(Generic[N]):
    """What a number may be, and how that is told."""

    least: N
    most: N
    what: str
    such_as: str
    show: Callable[[N], str] = str


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a file, and where it stands."""

    sheet: Sheet
    value: Value
    where: str

    def wrong(self, sentence: str) -> None:
        self.sheet.wrong(self.value.line, self.where, sentence)

    def text(self) -> str:
        """Never empty; "" when it was told that there is none."""
        if isinstance(self.value, Scalar) and self.value.text:
            return self.value.text
        self.wrong(f"{self._shape()} stands here; write one value, such as 'name'.")
        return ""

    def name(self, what: str = "name") -> str:
        text = self.text()
        if text and not is_name(text):
            self.wrong(
                f"{shown(text)} is no {what}. It begins with a letter; letters, digits and hyphens "
                f"follow, up to {NAME_LENGTH_MAX} characters, such as 'rack-1'."
            )
        return text

    def label(self) -> str:
        """A name as other systems make them, such as 'VM Network'."""
        text = self.text()
        if text and (len(text) > LABEL_MAX or not _LABEL.fullmatch(text)):
            self.wrong(
                f"{shown(text)} is no name: letters, digits, blanks and . : / ( ) - make one, up "
                f"to {LABEL_MAX} characters, such as 'VM Network'."
            )
        return text

    def whole(self, least: int, most: int) -> int:
        text = self.text()
        number = int(text) if re.fullmatch(r"\d{1,12}", text) else None
        return self._within(text, number, Span(least, most, "a whole number", str(least)))

    def number(self, least: float, most: float) -> float:
        text = self.text()
        number = float(text) if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text) else None
        return self._within(text, number, Span(least, most, "a number", f"{least:g}"))

    def mib(self, least: int, most: int, such_as: str) -> int:
        text = self.text()
        if text.isdigit():
            return self._unitless(text, f"{text}GB, or {text}MB", least)
        span = Span(least, most, "a size in whole MB", such_as, _mib_shown)
        return self._within(text, size_mib(text), span)

    def gib(self, least: int, most: int, such_as: str) -> int:
        mib = self.mib(least << 10, most << 10, such_as)
        if mib % 1024:
            self.wrong(f"disks are counted in whole GB: write {-(-mib // 1024)}GB.")
        return mib >> 10

    def seconds(self, least: float, most: float) -> float:
        text = self.text()
        if text.isdigit() and int(text):
            return self._unitless(text, f"{text}s, {text}m or {text}h", least)
        number = 0.0 if text == "0" else span_seconds(text)
        span = Span(least, most, "a span of time", "10m", shown_span)
        return self._within(text, number, span)

    def per_second(self, most: float) -> float:
        text = self.text()
        span = Span(RATE_MIN, most, "a rate", "30/h", _rate)
        return self._within(text, rate_per_second(text), span)

    def yes(self) -> bool:
        text = self.text()
        if text and text.lower() not in _YES_OR_NO:
            self.wrong(f"{shown(text)} is neither true nor false.")
        return _YES_OR_NO.get(text.lower(), False)

    def one_of(self, choices: Sequence[str]) -> str:
        text = self.text()
        if text and text not in choices:
            close = difflib.get_close_matches(text, choices, n=1)
            meant = f" Did you mean '{close[0]}'?" if close else ""
            self.wrong(f"{shown(text)} is not one of {listed(choices)}.{meant}")
            return choices[0]
        return text or choices[0]

    def entries(self, most: int) -> list[Entry]:
        """The items of a list; a single value is a list of one."""
        if isinstance(self.value, Members) or self._is_nothing():
            self.wrong(f"{self._shape()} stands here; write a list, each item after a '-'.")
            return []
        if isinstance(self.value, Scalar):
            return [self]
        if len(self.value.items) > most:
            self.wrong(f"{len(self.value.items)} items; {most} are the most that can be planned.")
        return [
            Entry(self.sheet, item, f"{self.where}[{place}]")
            for place, item in enumerate(self.value.items[:most])
        ]

    def table(self) -> Table:
        if isinstance(self.value, Members):
            return Table(self.sheet, self.value, self.where)
        self.wrong(f"{self._shape()} stands here; write members, each as 'name: value'.")
        return Table(self.sheet, Members(self.value.line), self.where, is_broken=True)

    def _is_nothing(self) -> bool:
        return isinstance(self.value, Scalar) and not self.value.text

    def _shape(self) -> str:
        match self.value:
            case Scalar(text=text):
                return shown(text) if text else "nothing"
            case Items():
                return "a list"
            case Members():
                return "a table of members"

    def _unitless(self, text: str, units: str, fallback: T) -> T:
        self.wrong(f"{text} of what? Write the unit as well: {units}.")
        return fallback

    def _within(self, text: str, number: N | None, span: Span[N]) -> N:
        if text and number is None:
            self.wrong(f"{shown(text)} is not {span.what}, such as {span.such_as}.")
        elif number is not None:
            if span.least <= number <= span.most:
                return number
            bounds = f"from {span.show(span.least)} to {span.show(span.most)}"
            self.wrong(f"{shown(text)} is not {bounds}.")
        return span.least


@dataclass(frozen=True, slots=True)
class Table:
    """Members by name. `known` first, so that a misspelt one is told as such."""

    sheet: Sheet
    value: Members
    where: str
    is_broken: bool = False  # it was said already that this is no table

    def known(self, names: Sequence[str]) -> None:
        """Says of each other member that nobody reads it."""
        for name, value in self.value.members.items():
            if name not in names:
                close = difflib.get_close_matches(name, names, n=1)
                meant = f"Did you mean {close[0]!r}?" if close else f"There are {listed(names)}."
                line = self.value.lines.get(name, value.line)
                self.sheet.wrong(line, self._at(name), f"nothing is called so here. {meant}")

    def find(self, name: str) -> Entry | None:
        value = self.value.members.get(name)
        return None if value is None else Entry(self.sheet, value, self._at(name))

    def get(self, name: str, such_as: str) -> Entry | None:
        """As `find`; its absence is a mistake."""
        found = self.find(name)
        if found is None and not self.is_broken:
            sentence = f"{name!r} is missing; write it as '{name}: {such_as}'."
            self.sheet.wrong(self.value.line, self.where, sentence)
        return found

    def each(self) -> list[tuple[Entry, Entry]]:
        """Every name, to be read as a value, and its value."""
        return [
            (
                Entry(self.sheet, Scalar(self.value.lines[name], name), self._at(name)),
                Entry(self.sheet, value, self._at(name)),
            )
            for name, value in self.value.members.items()
        ]

    def only(self, names: Sequence[str]) -> Entry | None:
        """The one of these that is there; that there is none, or several, is a mistake."""
        found = [name for name in names if name in self.value.members]
        if len(found) == 1:
            return self.find(found[0])
        if not self.is_broken:
            several = f"{listed(found)} stand here" if found else "none is here"
            self.sheet.wrong(
                self.value.line, self.where, f"exactly one of {listed(names)} is read; {several}."
            )
        return None

    def wrong(self, sentence: str) -> None:
        self.sheet.wrong(self.value.line, self.where, sentence)

    def _at(self, name: str) -> str:
        return (
            f"{self.where}.{shown(name, quoted=False)}" if self.where else shown(name, quoted=False)
        )


def shown(text: str, *, quoted: bool = True) -> str:
    """What somebody wrote, told back: one line, not too long, and nothing that moves a cursor."""
    short = text if len(text) <= SHOWN_MAX else f"{text[: SHOWN_MAX - 1]}…"
    plain = "".join(char if char.isprintable() else "?" for char in short)
    return f"'{plain}'" if quoted else plain


def listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)


def _mib_shown(mib: int) -> str:
    for factor, unit in ((1 << 20, "TB"), (1 << 10, "GB")):
        if mib >= factor and mib % factor == 0:
            return f"{mib // factor}{unit}"
    return f"{mib}MB"


def _rate(per_second: float) -> str:
    return f"{per_second:g}/s"
