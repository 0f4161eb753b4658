"""A room is named for what is in it. These names say only that somebody could not decide."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.house.tree import Finding, files, hold, no_findings, parsed, python_files

EMPTY_WORDS = frozenset(
    ("common", "data", "helper", "helpers", "info", "manager", "misc", "stuff", "util", "utils")
)
EMPTY_CLASS_NAME = re.compile(r"(Manager|Helper|Helpers|Util|Utils|Misc)$")


def badly_named(paths: Iterable[Path]) -> list[str]:
    return [
        str(path)
        for path in paths
        if EMPTY_WORDS & {word for part in path.with_suffix("").parts for word in part.split("_")}
    ]


def badly_named_classes(source: str) -> Iterator[Finding]:
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.ClassDef) and EMPTY_CLASS_NAME.search(node.name):
            yield Finding(node.lineno, f"{node.name}: name it for what it is or does")


def test_every_file_and_folder_is_named_for_what_it_holds() -> None:
    programs = [path for path in files() if path.parts[0] in ("bin", "deploy", "docs", "thrift")]
    no_findings(badly_named([*python_files(), *programs]))


def test_every_class_is_named_for_what_it_is() -> None:
    hold(badly_named_classes, python_files())


def test_an_empty_name_is_caught() -> None:
    bad = [Path("photon/utils.py"), Path("photon/common/vm.py"), Path("photon/api/http_helpers.py")]
    assert badly_named([*bad, Path("photon/database.py")]) == [str(path) for path in bad]
    assert list(badly_named_classes("class VmManager: ..."))
    assert not list(badly_named_classes("class Utility: ..."))
