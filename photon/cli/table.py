"""Tables: drawn on a terminal, plain and whole when piped into another program."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Column = tuple[str, Callable[[Any], object]]
GAP = "  "


def print_table(columns: Sequence[Column], items: Iterable[Any]) -> None:
    """One row an item. Piped, nothing is cut or coloured, and columns are two spaces apart."""
    titles = [title for title, _ in columns]
    rows = [[cell(value(item)) for _, value in columns] for item in items]
    if sys.stdout.isatty():
        _draw(titles, rows)
    else:
        print_plain(titles, rows)


def print_plain(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(titles, *rows, strict=True)]
    for row in (titles, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(GAP.join(cells).rstrip())


def _draw(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in titles:
        # An id is copied and pasted: it is never cut short.
        table.add_column(title, no_wrap=title == "ID", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in row))
    Console().print(table)


STYLES = {
    "READY": "green",
    "STARTED": "green",
    "COMPLETED": "green",
    "ERROR": "bold red",
    "UNREACHABLE": "red",
    "PARTIAL_ERROR": "red",
    "SUSPENDED": "yellow",
    "MAINTENANCE": "yellow",
    "PAUSED": "yellow",
    "BACKGROUND_PAUSED": "yellow",
    "QUEUED": "yellow",
    "CREATING": "yellow",
}


def cell(value: object) -> str:
    """One line, whatever a server put in it: a name with an escape sequence moves no cursor."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "-"
    return "".join(char if char.isprintable() else "?" for char in str(value))
