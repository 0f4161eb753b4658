"""Tells people what became of a run: the table of recovery, and the story of what was broken."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from photon.chaos.outcome import Breach, Outcome
from photon.chaos.recovery import Row

STORIES_MAX: Final = 5  # One cause breaks many promises; who has read five knows it.
WORDS_LINES_MAX: Final = 6  # The last lines of a log say why it ended.

_HEADINGS: Final = (
    "fault",
    "times",
    "what it broke",
    "works again",
    "worst",
    "nobody notices",
    "longest gap",
    "calls failed",
)


def told(outcome: Outcome) -> str:
    """The whole report."""
    return "\n".join((*_lines(outcome), ""))


def _lines(outcome: Outcome) -> Iterator[str]:
    yield ""
    yield from recovery_table(outcome.recovery)
    yield ""
    yield (
        f"{len(outcome.faults)} faults in {outcome.minutes:g} minutes, "
        f"{outcome.probes} probes of which {outcome.probes_failed} failed; "
        + ", ".join(f"{count} {what}" for what, count in sorted(outcome.operations.items()))
    )
    if not outcome.cuts:
        yield "Nothing was cut off: this machine has no control groups or packet filter for it."
    for each in outcome.ended:
        yield f"{each.part} ended by itself {each.at:.1f} s after the start, and was started again:"
        yield from (f"    {line}" for line in each.words.splitlines()[-WORDS_LINES_MAX:])
    if outcome.kept:
        yield "Every promise was kept."
        return
    for breach in outcome.breaches[:STORIES_MAX]:
        yield from _story(breach)
    if len(outcome.breaches) > STORIES_MAX:
        yield f"... and {len(outcome.breaches) - STORIES_MAX} more."
    yield ""
    yield f"{len(outcome.breaches)} broken. The same faults again: {outcome.command}"


def _story(breach: Breach) -> Iterator[str]:
    yield ""
    yield f"BROKEN  {breach.promise}: {breach.text}"
    yield from (f"    {line}" for line in breach.story)


def recovery_table(rows: Sequence[Row]) -> Iterator[str]:
    """As Markdown, so that it can be put into a document as it is. Seconds count from the fault."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEADINGS))]
    for number, line in enumerate(cells):
        padded = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        yield f"| {' | '.join(padded)} |"
        if number == 0:
            yield f"| {' | '.join('-' * width for width in widths)} |"


def _cells(row: Row) -> tuple[str, ...]:
    broke = row.operation if row.broke == row.times else f"{row.operation} ({row.broke} times)"
    if row.broke == 0:
        return (row.fault, str(row.times), "nothing", "", "", "", "", "")
    return (
        row.fault,
        str(row.times),
        broke,
        _seconds(row.first_median),
        _seconds(row.first_worst),
        _seconds(row.last_worst),
        f"{row.longest_seconds:.1f} s",
        f"{row.failed} of {row.attempts}",
    )


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f} s"
