"""Every module says what it is for; every folder of tests is a package."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.house.tree import Finding, hold, no_findings, parsed, python_files


def undescribed(source: str) -> Iterator[Finding]:
    """A module without a docstring, unless it is empty."""
    if parsed(source).body and not ast.get_docstring(parsed(source)):
        yield Finding(1, "say in a docstring what this module is for")


def folders_without_init(paths: Iterable[Path]) -> list[str]:
    """Two test files of one name in folders that are no packages would be one module to Python."""
    paths = set(paths)
    folders = {parent for path in paths for parent in path.parents if parent.parts}
    return sorted(str(folder) for folder in folders if folder / "__init__.py" not in paths)


def test_every_module_says_what_it_is_for() -> None:
    hold(undescribed, python_files())


def test_every_folder_of_the_package_and_of_the_tests_is_a_package() -> None:
    by_path = Path("photon/store/migrations")  # alembic loads these by their path, not by name
    paths = [path for path in python_files("photon", "tests") if by_path not in path.parents]
    no_findings(folders_without_init(paths))


def test_a_module_without_a_docstring_is_caught() -> None:
    assert list(undescribed("x = 1\n"))
    assert not list(undescribed('"""The x."""\n\nx = 1\n'))
    assert not list(undescribed(""))


def test_a_folder_that_is_no_package_is_caught() -> None:
    paths = [Path("tests/__init__.py"), Path("tests/api/test_vm.py")]
    assert folders_without_init(paths) == ["tests/api"]
