"""A YAML file as values that know their lines. Every scalar is text: who reads it says what it is.

So `no` can be a zone's name and `10:30` is no number of seconds, as they would be to YAML itself.
Nothing in a file becomes an object, and nothing is read twice: there are no tags, no anchors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from photon.plan.problems import PlanWrong, Problem

# Ten thousand hosts are a few groups. The parser takes a second for so much.
FILE_BYTES_MAX: Final = 256 * 1024
# The deepest thing there is to say lies five levels down.
DEPTH_MAX: Final = 12

_NOTHING: Final = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class Scalar:
    """`text` None: nothing stands there."""

    line: int
    text: str | None


@dataclass(frozen=True, slots=True)
class Items:
    line: int
    items: list[Value] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Members:
    """`lines` are those of the keys."""

    line: int
    members: dict[str, Value] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)


Value = Scalar | Items | Members


def read_tree(path: Path, file: str) -> Value:
    """Raises PlanWrong: the file cannot be read, or is no YAML, or has what is not taken here."""
    try:
        with path.open("rb") as opened:
            raw = opened.read(FILE_BYTES_MAX + 1)
    except OSError as problem:
        raise _wrong(file, 1, f"it cannot be read: {problem.strerror}") from problem
    if len(raw) > FILE_BYTES_MAX:
        most = FILE_BYTES_MAX >> 10
        raise _wrong(file, 1, f"it has more than {most} KiB; say alike hosts as one group")
    try:
        text = raw.decode()
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise _wrong(file, line, "it is not UTF-8; save it as UTF-8 text") from problem
    return parse_tree(text, file)


def parse_tree(text: str, file: str) -> Value:
    """As `read_tree`, of a text that is read already."""
    try:
        return _Builder(file).build(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line = mark.line + 1 if mark is not None else 1
        said = ", ".join(part for part in (problem.context, problem.problem) if part)
        raise _wrong(file, line, f"this is no YAML ({said})") from problem
    except yaml.YAMLError as problem:
        raise _wrong(file, 1, "it has characters that YAML does not allow") from problem


class _Builder:
    def __init__(self, file: str) -> None:
        self._file = file

    def build(self, events: Iterator[Any]) -> Value:
        root: Value | None = None
        for event in events:
            if isinstance(event, yaml.NodeEvent):
                if root is not None:
                    raise self._wrong(event, "a second document begins here; one file has one")
                root = self._value(event, events, 0)
        if root is None:
            raise _wrong(self._file, 1, "it is empty")
        return root

    def _value(self, event: Any, events: Iterator[Any], depth: int) -> Value:
        line = event.start_mark.line + 1
        if depth > DEPTH_MAX:
            raise self._wrong(event, f"lists within lists, deeper than {DEPTH_MAX} levels")
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self._wrong(event, "anchors (&name, *name) are not read; write it out")
        if event.tag is not None:
            raise self._wrong(event, f"tags ({event.tag}) are not read; write the plain value")
        if isinstance(event, yaml.ScalarEvent):
            nothing = event.style is None and event.value in _NOTHING
            return Scalar(line, None if nothing else event.value)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._items(Items(line), events, depth)
        return self._members(Members(line), events, depth)

    def _items(self, items: Items, events: Iterator[Any], depth: int) -> Items:
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.items.append(self._value(event, events, depth + 1))
        return items

    def _members(self, members: Members, events: Iterator[Any], depth: int) -> Members:
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._value(event, events, depth + 1)
            if not isinstance(key, Scalar) or key.text is None:
                raise self._wrong(event, "a name should stand before the colon")
            if key.text in members.members:
                first = members.lines[key.text]
                raise self._wrong(event, f"{key.text!r} is said twice, first in line {first}")
            members.lines[key.text] = key.line
            members.members[key.text] = self._value(next(events), events, depth + 1)
        return members

    def _wrong(self, event: Any, sentence: str) -> PlanWrong:
        return _wrong(self._file, event.start_mark.line + 1, sentence)


def _wrong(file: str, line: int, sentence: str) -> PlanWrong:
    return PlanWrong([Problem(file, line, "", f"{sentence}.")])
