"""What a command prints of what the API answered: for people, as JSON, or ids only."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
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
    print_members({key: value for key, value in members.items() if key not in SKIPPED})


def print_members(members: Mapping[str, Any], indent: str = "") -> None:
    width = max(map(len, members)) + 2
    for key, value in members.items():
        title = f"{indent}{key}:"
        if isinstance(value, dict) and value and not is_amount(value):
            print(title)
            print_members(value, indent + "  ")
        elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
            print(title)
            for item in value:
                print(f"{indent}  - {inline(item)}")
        else:
            print(f"{title:{len(indent) + width}}{inline(value, key)}")


def is_amount(value: dict[str, Any]) -> bool:
    """A cost, a limit, or a limit with its usage: these have a short form."""
    return value.keys() in ({"key", "value", "unit"}, {"limit", "usage", "unit"})


def inline(value: Any, key: str = "") -> str:
    match value:
        case {"key": name, "value": amount, "unit": unit}:
            return f"{name} {number(amount)} {unit}"
        case {"limit": limit, "usage": usage, "unit": unit}:
            return f"{number(usage or 0)} of {number(limit)} {unit}"
        case dict():
            return ", ".join(f"{name}: {inline(item, name)}" for name, item in value.items()) or "-"
        case list():
            return ", ".join(map(inline, value)) or "-"
        case _:
            return scalar(key, value)


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
