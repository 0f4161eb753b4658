"""The report as one HTML file: no script, no network; light or dark as its reader has it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from photon.plan.report.content import Plot, Rows, Section
from photon.plan.report.style import STYLE


def page(title: str, sections: Sequence[Section]) -> str:
    body = "\n".join(_section(place, section) for place, section in enumerate(sections))
    links = "".join(
        f'<a href="#s{place}">{escape(section.title)}</a>'
        for place, section in enumerate(sections)
        if place
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        # Whatever a name in a file were to say, the page loads nothing and runs nothing.
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<header><h1>{escape(title)}</h1><nav>{links}</nav></header>\n<main>\n{body}\n</main>\n"
        "</body>\n</html>\n"
    )


def _section(place: int, section: Section) -> str:
    parts: list[str] = [f'<section id="s{place}"><h2>{escape(section.title)}</h2>']
    parts += _sentences(section.sentences)
    parts += [_plot(plot) for plot in section.plots]
    parts += [_table(rows) for rows in section.tables]
    parts += _sentences(section.closing)
    return "\n".join([*parts, "</section>"])


def _sentences(sentences: Sequence[str]) -> list[str]:
    if len(sentences) > 1:
        return ["<ul>", *(f"<li>{escape(each)}</li>" for each in sentences), "</ul>"]
    return [f"<p>{escape(each)}</p>" for each in sentences]


def _plot(plot: Plot) -> str:
    return f"<figure>{plot.svg}<figcaption>{escape(plot.caption)}</figcaption></figure>"


def _table(rows: Rows) -> str:
    head = _cells("th", rows.columns, rows.numbers)
    body = "\n".join(f"<tr>{_cells('td', row, rows.numbers)}</tr>" for row in rows.rows)
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>\n{body}\n</tbody></table></div>"
    )


def _cells(tag: str, cells: Iterable[str], numbers: frozenset[int]) -> str:
    return "".join(
        f"<{tag}{' class=n' if place in numbers else ''}>{escape(cell)}</{tag}>"
        for place, cell in enumerate(cells)
    )
