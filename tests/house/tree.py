"""The files of this checkout, as the house rules look at them.

A rule is a function from one file's text to the lines that break it, so that each rule's own test
can hand it a bad sample. `hold` runs a rule over the tree.
"""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYTHON_FOLDERS = ("photon", "tests", "bench", "examples")


@dataclass(frozen=True, slots=True)
class Finding:
    """Line `line` (from 1) breaks a rule; `what` says how, and what to do."""

    line: int
    what: str


Rule = Callable[[str], Iterable[Finding]]


@cache
def files() -> tuple[Path, ...]:
    """Every file that is tracked or would be, relative to the root, in order."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    names = sorted(name for name in listed.split("\0") if name)
    # A file that was deleted but not yet committed is still listed.
    return tuple(Path(name) for name in names if (ROOT / name).is_file())


def python_files(*folders: str) -> tuple[Path, ...]:
    wanted = folders or PYTHON_FOLDERS
    return tuple(path for path in files() if path.suffix == ".py" and path.parts[0] in wanted)


def markdown_files() -> tuple[Path, ...]:
    return tuple(path for path in files() if path.suffix == ".md")


def text_files() -> Iterator[tuple[Path, str]]:
    for path in files():
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            yield path, content.decode()


@cache
def text(path: Path) -> str:
    return (ROOT / path).read_text()


@cache
def parsed(source: str) -> ast.Module:
    return ast.parse(source)


def hold(rule: Rule, paths: Iterable[Path]) -> None:
    """Fails the test with every `path:line: what` that breaks the rule."""
    no_findings(
        f"{path}:{finding.line}: {finding.what}" for path in paths for finding in rule(text(path))
    )


def no_findings(findings: Iterable[str]) -> None:
    found = "\n".join(findings)
    if found:
        pytest.fail(found, pytrace=False)
