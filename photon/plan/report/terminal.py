"""The report on a terminal: tables, drawn where somebody looks, plain where it is piped."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from photon.plan.report.content import Rows, Section

_GAP = "  "
_TEXT_WIDTH = 100  # Of sentences that go into a file or a pipe.


def print_report(sections: Sequence[Section], output: TextIO) -> None:
    console = Console(file=output, highlight=False)
    for section in sections:
        if console.is_terminal:
            _draw(console, section)
        else:
            output.write(plain(section))


def plain(section: Section) -> str:
    """Nothing is cut short, and columns are two spaces apart."""
    lines = [section.title, "=" * len(section.title), ""]
    lines += _wrapped(section.sentences)
    for rows in section.tables:
        lines += [*_plain_rows(rows), ""]
    return "\n".join([*lines, *_wrapped(section.closing)]).rstrip() + "\n\n"


def _wrapped(sentences: Sequence[str]) -> list[str]:
    mark = "- " if len(sentences) > 1 else ""
    lines = [
        textwrap.fill(each, _TEXT_WIDTH, initial_indent=mark, subsequent_indent=" " * len(mark))
        for each in sentences
    ]
    return [*lines, ""] if lines else []


def _plain_rows(rows: Rows) -> list[str]:
    titles = [column.upper() for column in rows.columns]
    widths = [max(map(len, column)) for column in zip(titles, *rows.rows, strict=True)]
    return [
        _GAP.join(
            cell.rjust(width) if place in rows.numbers else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in (titles, *rows.rows)
    ]


def _draw(console: Console, section: Section) -> None:
    console.print(Text(section.title, style="bold"))
    for sentence in section.sentences:
        console.print(Text(f"• {sentence}" if len(section.sentences) > 1 else sentence))
    for rows in section.tables:
        table = Table(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
        for place, column in enumerate(rows.columns):
            table.add_column(
                column, justify="right" if place in rows.numbers else "left", overflow="fold"
            )
        for row in rows.rows:
            table.add_row(*(Text(cell) for cell in row))
        console.print(table)
    for sentence in section.closing:
        console.print(Text(sentence, style="dim"))
    console.print()
