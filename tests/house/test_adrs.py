"""Every decision is recorded in one form: a reader knows where to find what was rejected."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.house.tree import Finding, files, hold, no_findings

ADR_FOLDER = Path("docs/adr")
SECTIONS = ("Status", "Context", "Decision", "Rejected", "Consequences")
STATUSES = re.compile(r"(Proposed|Accepted|Superseded by \[\d{4}\]\(\d{4}-[a-z0-9-]+\.md\))\.?")
WORDS_MAX = 700  # one page: longer ones are read by nobody, and hide a second decision


def malformed(adr: str) -> Iterator[Finding]:
    if not re.match(r"# \d{4} \S", adr):
        yield Finding(1, "the first line is `# NNNN Title`")
    sections = re.findall(r"^## (.+)$", adr, flags=re.MULTILINE)
    if tuple(sections) != SECTIONS:
        yield Finding(1, f"the sections are {', '.join(SECTIONS)}, in this order; not {sections}")
        return
    bodies = re.split(r"^## .+\n", adr, flags=re.MULTILINE)[1:]
    for section, body in zip(SECTIONS, bodies, strict=True):
        if not body.strip():
            yield Finding(1, f"{section} is empty")
    if not STATUSES.match(bodies[0].strip()):
        yield Finding(1, "the status is Proposed, Accepted or Superseded by a link")
    words = len(re.sub(r"[|`#*-]", " ", adr).split())
    if words > WORDS_MAX:
        yield Finding(1, f"{words} words; {WORDS_MAX} is a page")


def misnumbered(names: Iterable[str]) -> list[str]:
    """Numbers count up from 0001 with none left out and none used twice."""
    return [
        f"{name}: its number should be {number:04}"
        for number, name in enumerate(sorted(names), start=1)
        if not re.fullmatch(f"{number:04}-[a-z0-9-]+\\.md", name)
    ]


def adrs() -> list[Path]:
    return [path for path in files() if path.parent == ADR_FOLDER and path.name != "README.md"]


def test_every_adr_has_its_sections_and_fits_a_page() -> None:
    assert adrs()
    hold(malformed, adrs())


def test_adrs_are_numbered_without_gaps() -> None:
    no_findings(misnumbered(path.name for path in adrs()))


def test_a_malformed_adr_is_caught() -> None:
    good = "# 0001 Layers\n\n" + "".join(f"## {section}\n\nAccepted.\n\n" for section in SECTIONS)
    assert not list(malformed(good))
    assert list(malformed(good.replace("## Rejected", "## Alternatives")))
    assert list(malformed(good.replace("## Rejected\n\nAccepted.", "## Rejected\n")))
    assert list(malformed(good.replace("Accepted", "Fine", 1)))
    assert list(malformed(good.replace("# 0001 Layers", "# Layers")))
    assert list(malformed(good + "word " * WORDS_MAX))


def test_a_gap_in_the_numbers_is_caught() -> None:
    assert misnumbered(["0001-a.md", "0003-b.md"])
    assert misnumbered(["0001-a.md", "0001-b.md"])
    assert not misnumbered(["0001-a.md", "0002-b.md"])
