"""Small files, small functions: what cannot be read at one sitting is two things."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.tree import Finding, files, hold, parsed, python_files

FILE_LINES_MAX = 400  # ~150 is usual; past this there are two nouns in one room
FUNCTION_LINES_MAX = 50  # one screen, the docstring not counted


def long_file(source: str) -> Iterator[Finding]:
    lines = source.count("\n")
    if lines > FILE_LINES_MAX:
        yield Finding(lines, f"{lines} lines; {FILE_LINES_MAX} is the most: split it by noun")


def long_functions(source: str) -> Iterator[Finding]:
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = _last_line(node) - node.lineno + 1 - _docstring_lines(node)
            if lines > FUNCTION_LINES_MAX:
                yield Finding(
                    node.lineno,
                    f"{node.name} has {lines} lines; {FUNCTION_LINES_MAX} is the most",
                )


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(node) is None:
        return 0
    return _last_line(node.body[0]) - node.body[0].lineno + 1


def _last_line(node: ast.stmt) -> int:
    assert node.end_lineno is not None, "ast.parse sets the end of every statement"
    return node.end_lineno


def test_no_file_is_too_long() -> None:
    shell = [path for path in files() if path.parts[0] in ("bin", ".ci")]
    hold(long_file, [*python_files(), *shell])


def test_no_function_is_too_long() -> None:
    hold(long_functions, python_files())


def test_a_long_file_is_caught() -> None:
    assert not list(long_file("x = 1\n" * FILE_LINES_MAX))
    assert list(long_file("x = 1\n" * (FILE_LINES_MAX + 1)))


def test_a_long_function_is_caught_and_its_docstring_does_not_count() -> None:
    fits = "async def f():\n" + '    """A.\n\n    B.\n    """\n' + "    x = 1\n" * 49
    assert not list(long_functions(fits))
    assert list(long_functions(fits + "    x = 1\n"))
