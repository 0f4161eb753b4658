"""The documents: links lead somewhere, commands exist, the glossary is in order."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.house.tree import ROOT, Finding, files, hold, markdown_files, no_findings, text

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PROGRAM = re.compile(r"(?<![\w/.-])bin/([a-z][a-z-]*)")
TERM = re.compile(r"^\*\*(?P<term>[^*]+)\*\*", flags=re.MULTILINE)
GLOSSARY = Path("docs/glossary.md")


def dead_links(path: Path) -> Iterator[str]:
    for number, line in enumerate(prose(text(path)), start=1):
        for target in LINK.findall(line):
            if not re.match(r"[a-z]+:", target) and not leads_somewhere(path, target):
                yield f"{path}:{number}: {target} leads nowhere"


def leads_somewhere(path: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    there = Path(os.path.normpath(ROOT / path.parent / name)) if name else ROOT / path
    if not there.exists():
        return False
    return not anchor or (there.suffix == ".md" and anchor in anchors(there.read_text()))


def anchors(document: str) -> set[str]:
    """What a heading is called in a link: lower case, spaces to hyphens, the rest dropped."""
    headings = re.findall(r"^#+ (.+)$", document, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def prose(document: str) -> list[str]:
    """The lines, those inside fences emptied."""
    fenced = False
    lines = []
    for line in document.splitlines():
        is_fence = line.lstrip().startswith("```")
        fenced ^= is_fence
        lines.append("" if fenced or is_fence else line)
    return lines


def missing_programs(document: str) -> Iterator[Finding]:
    for number, line in enumerate(document.splitlines(), start=1):
        for name in PROGRAM.findall(line):
            if not (ROOT / "bin" / name).exists():
                yield Finding(number, f"there is no bin/{name}")


def syntax_error(path: Path) -> str:
    """What bash says of a shell program that it cannot parse."""
    ran = subprocess.run(
        ["bash", "-n", str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return ran.stderr.strip()


def disordered_terms(glossary: str) -> Iterator[Finding]:
    """Each term starts a line in bold; terms ascend, none twice. Case does not count."""
    before = ""
    for found in TERM.finditer(glossary):
        term = found["term"].lower()
        if term <= before:
            line = glossary.count("\n", 0, found.start()) + 1
            yield Finding(line, f"{found['term']} does not come after {before}")
        before = term


def test_every_link_leads_somewhere() -> None:
    no_findings(found for path in markdown_files() for found in dead_links(path))


def test_every_program_that_a_document_names_exists() -> None:
    hold(missing_programs, markdown_files())


def test_every_program_can_be_run() -> None:
    programs = [path for path in files() if path.parts[0] == "bin" and len(path.parts) == 2]
    no_findings(f"{path}: no run bit" for path in programs if not os.access(ROOT / path, os.X_OK))


def test_every_shell_program_parses() -> None:
    programs = [path for path in files() if path.parts[0] in ("bin", ".ci")]
    no_findings(f"{path}: {error}" for path in programs if (error := syntax_error(path)))


def test_the_glossary_is_in_order() -> None:
    assert TERM.search(text(GLOSSARY))
    hold(disordered_terms, [GLOSSARY])


def test_a_dead_link_is_caught() -> None:
    here = Path("docs/README.md")
    assert leads_somewhere(here, "../pyproject.toml")
    assert not leads_somewhere(here, "nowhere.md")
    assert not leads_somewhere(here, "glossary.md#no-such-heading")
    assert anchors("## The `life` of a VM\n") == {"the-life-of-a-vm"}
    assert prose("a\n```\n[x](y)\n```\nb") == ["a", "", "", "", "b"]


def test_a_shell_program_that_does_not_parse_is_caught(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("if true; then\n")
    assert syntax_error(tmp_path / "x")


def test_a_missing_program_is_caught() -> None:
    assert list(missing_programs("run `bin/no-such-program`"))
    assert not list(missing_programs("run `bin/test` with /usr/bin/python3"))


def test_a_glossary_out_of_order_is_caught() -> None:
    assert list(disordered_terms("**vm**: a.\n\n**host**: b.\n"))
    assert list(disordered_terms("**vm**: a.\n\n**VM**: b.\n"))
    assert not list(disordered_terms("**host**: a.\n\n**vm**: b.\n"))
