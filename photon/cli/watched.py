"""`list --watch`: what is there, then a line for each change, until it is interrupted."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

import click

from photon.cli.table import GAP, Column, cell

if TYPE_CHECKING:
    from photon.cli.session import Session
    from photon.sdk.watching import Event

LISTED = "listed"  # the event of what was there already
Row = tuple[str, str, Any]  # the event, the id, and the entity, which a deleted one has not

Command = TypeVar("Command", bound=Callable[..., Any])


def watches(command: Command) -> Command:
    """Gives a list the option --watch."""
    option = click.option("--watch", is_flag=True, help="Go on with each change, until Ctrl-C.")
    return option(command)


def show_watched(
    session: Session,
    columns: Sequence[Column],
    events: Iterator[Event[Any]],
    items: Callable[[], Iterator[Any]],
    limit: int | None,
) -> None:
    """`items` is asked when the watch has begun, so that nothing is missed in between."""
    next(events)
    before: list[Row] = [(LISTED, item.id, item) for item in islice(items(), limit)]
    changes: Iterator[Row] = ((event.kind.value, event.id, event.item) for event in events)
    if limit is not None:
        changes = islice(changes, limit - len(before))
    match session.output:
        case "json":
            _print_json(chain(before, changes))
        case "id":
            for _, id, _ in chain(before, changes):
                print(id, flush=True)
        case _:
            _print_lines(columns, before, changes)


def _print_json(rows: Iterator[Row]) -> None:
    """One object a line."""
    import msgspec

    for event, id, item in rows:
        line = msgspec.json.encode({"event": event, "id": id, "item": item})
        sys.stdout.write(line.decode() + "\n")
        sys.stdout.flush()


def _print_lines(columns: Sequence[Column], before: Sequence[Row], changes: Iterator[Row]) -> None:
    titles = ["EVENT", *(title for title, _ in columns)]
    shown = [_cells(columns, row) for row in before]
    widths = [max(map(len, column)) for column in zip(titles, *shown, strict=True)]
    for cells in chain([titles], shown, (_cells(columns, row) for row in changes)):
        widths = [max(width, len(text)) for width, text in zip(widths, cells, strict=True)]
        line = GAP.join(text.ljust(width) for text, width in zip(cells, widths, strict=True))
        print(line.rstrip(), flush=True)


def _cells(columns: Sequence[Column], row: Row) -> list[str]:
    event, id, item = row
    if item is None:
        return [event, *(id if title == "ID" else "-" for title, _ in columns)]
    return [event, *(cell(value(item)) for _, value in columns)]
