"""What a command prints of what the API answered: for people, as JSON, or ids only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from photon.cli.table import Column, print_table

if TYPE_CHECKING:
    from photon.cli.session import Session

HIDDEN = frozenset({"password"})  # JSON has it, for whoever asks on purpose
SKIPPED = frozenset({"selfLink", "kind"})  # words for programs


def show_list(session: Session, columns: Sequence[Column], items: Iterable[Any]) -> None:
    match session.output:
        case "json":
            whole = {"items": list(items), "nextPageLink": None, "previousPageLink": None}
            print_json(whole)
        case "id":
            for item in items:
                print(item.id)
        case _:
            print_table(columns, items)


def show_one(session: Session, entity: Any) -> None:
    match session.output:
        case "json":
            print_json(entity)
        case "id":
            print(entity.id)
        case _:
            print_entity(entity)


def print_json(answer: Any) -> None:
    """As the API spells it, indented for a reader."""
    encoded = msgspec.json.format(msgspec.json.encode(answer), indent=2)
    sys.stdout.write(encoded.decode() + "\n")


def print_entity(entity: Any) -> None:
    """Its members, one a line; what is a list or a map goes below its name."""
    members: dict[str, Any] = msgspec.to_builtins(entity)
    shown = {key: value for key, value in members.items() if key not in SKIPPED}
    width = max(map(len, shown)) + 2
    for key, value in shown.items():
        print_member(key, value, width)


def print_member(key: str, value: Any, width: int) -> None:
    title = f"{key}:"
    match value:
        case [] | {} | None | "":
            print(f"{title:{width}}-")
        case list() if not any(isinstance(item, (dict, list)) for item in value):
            print(f"{title:{width}}{', '.join(map(str, value))}")
        case list():
            print(title)
            for item in value:
                print(f"  - {inline(item)}")
        case dict():
            print(title)
            for name, item in value.items():
                print(f"  {name}: {inline(item)}")
        case _:
            print(f"{title:{width}}{scalar(key, value)}")


def inline(value: Any) -> str:
    match value:
        case {"key": key, "value": amount, "unit": unit, **rest} if not rest:
            return f"{key} {number(amount)} {unit}"
        case dict():
            return ", ".join(f"{key}: {inline(item)}" for key, item in value.items()) or "-"
        case list():
            return "; ".join(map(inline, value)) or "-"
        case _:
            return scalar("", value)


def scalar(key: str, value: Any) -> str:
    if key in HIDDEN:
        return "(in -o json)"
    match value:
        case None | "":
            return "-"
        case bool():
            return "yes" if value else "no"
        case float():
            return number(value)
        case int() if key.endswith("Time"):
            return moment(value)
        case _:
            # As in a table: nothing that a server put in a name moves the cursor.
            return "".join(char if char.isprintable() else "?" for char in str(value))


def number(value: float) -> str:
    """Without the fraction that JSON's doubles carry when there is none."""
    return f"{value:.0f}" if value == int(value) else f"{value:.6g}"


def moment(milliseconds: int | None) -> str:
    """A time of the API, to the second, in UTC as servers log it."""
    if milliseconds is None:
        return "-"
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def say(session: Session, sentence: str) -> None:
    """A sentence for people; programs that asked for JSON or ids are spared it."""
    if session.output == "human":
        print(sentence)
