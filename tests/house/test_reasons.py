"""What looks wrong and is right has its reason beside it."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tests.house.tree import Finding, hold, parsed, python_files

CATCH_ALL = frozenset(("Exception", "BaseException"))
# The mark of ruff or mypy, and what follows it: the reason.
EXEMPTION = re.compile(r"#\s*(noqa: [A-Z0-9, ]+|type: ignore\[[a-z0-9, -]+\])(?P<rest>.*)")
REASON_LETTERS_MIN = 8  # shorter than "it waits" is no sentence
REASON_LINES_ABOVE_MAX = 2  # one reason may stand above a pair of imports
LIMIT_NAME = re.compile(r"_(MAX|SECONDS|MS)$")


def comments(source: str) -> dict[int, str]:
    """Each comment by its line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.start[0]: token.string for token in tokens if token.type == tokenize.COMMENT}


def catches_all(node: ast.AST) -> bool:
    """`except:`, `except Exception`, `suppress(Exception)` and the like, unless it raises again."""
    match node:
        case ast.ExceptHandler(body=[*_, ast.Raise(exc=None)]):
            return False
        case ast.ExceptHandler(type=None):
            return True
        case ast.ExceptHandler(type=ast.expr() as caught):
            return any(isinstance(n, ast.Name) and n.id in CATCH_ALL for n in ast.walk(caught))
        case ast.Call(func=ast.Name(id="suppress") | ast.Attribute(attr="suppress"), args=caught):
            return any(isinstance(n, ast.Name) and n.id in CATCH_ALL for n in caught)
        case _:
            return False


def catches_without_reason(source: str) -> Iterator[Finding]:
    said = comments(source)
    for node in ast.walk(parsed(source)):
        if catches_all(node):
            assert isinstance(node, ast.ExceptHandler | ast.Call)
            if not {node.lineno - 1, node.lineno, node.lineno + 1} & said.keys():
                yield Finding(node.lineno, "catches everything: say beside it why that is right")


def exemptions_without_reason(source: str) -> Iterator[Finding]:
    said = comments(source)
    for line, comment in said.items():
        found = EXEMPTION.match(comment)
        above = any(line - lines in said for lines in range(1, REASON_LINES_ABOVE_MAX + 1))
        if found and not above and not _is_reason(found["rest"]):
            yield Finding(line, "an exemption needs its reason beside it")


def _is_reason(words: str) -> bool:
    return len(re.sub(r"[^A-Za-z]", "", words)) >= REASON_LETTERS_MIN


def limits_without_reason(source: str) -> Iterator[Finding]:
    """A constant that is a number and named as a limit, with no comment on its line or above it.

    One comment may stand above a group of them: lines of constants that follow each other.
    """
    said = comments(source)
    above_is_said = False
    end = 0
    for node in parsed(source).body:
        name = _limit_name(node)
        follows = node.lineno == end + 1
        end = node.end_lineno or node.lineno
        lines = range(node.lineno - 1, end + 1)
        above_is_said = any(line in said for line in lines) or (above_is_said and follows)
        if name is not None and not above_is_said:
            yield Finding(node.lineno, f"{name}: say beside it why this much")


def _limit_name(node: ast.stmt) -> str | None:
    match node:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value)
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
        ) if LIMIT_NAME.search(name) and _is_number(value):
            return name
        case _:
            return None


def _is_number(value: ast.expr) -> bool:
    return all(
        isinstance(node, ast.Constant | ast.BinOp | ast.UnaryOp | ast.operator | ast.unaryop)
        for node in ast.walk(value)
    ) and not any(
        isinstance(node, ast.Constant) and isinstance(node.value, str) for node in ast.walk(value)
    )


def test_whoever_catches_everything_says_why() -> None:
    hold(catches_without_reason, python_files())


def test_every_exemption_from_a_check_says_why() -> None:
    hold(exemptions_without_reason, python_files())


def test_every_limit_says_why_this_much() -> None:
    hold(limits_without_reason, python_files("photon"))


def test_a_catch_of_everything_without_a_reason_is_caught() -> None:
    for caught in ("except Exception:", "except (OSError, BaseException) as error:", "except:"):
        sample = f"try:\n    pass\n\n{caught}\n    pass\n"
        assert list(catches_without_reason(sample)), caught
        assert not list(catches_without_reason(sample.replace("\n\n", "\n# The edge.\n")))
    assert list(catches_without_reason("with suppress(Exception):\n    pass\n"))
    assert not list(catches_without_reason("try:\n    pass\nexcept OSError:\n    pass\n"))
    assert not list(catches_without_reason("try:\n    pass\nexcept Exception:\n    raise\n"))


def test_an_exemption_without_a_reason_is_caught() -> None:
    for mark in ("noqa: S603", "type: ignore[arg-type]"):
        assert list(exemptions_without_reason(f"x = 1  # {mark}\n"))
        assert not list(exemptions_without_reason(f"x = 1  # {mark}  # the stub is wrong here\n"))
        assert not list(exemptions_without_reason(f"# The stub is wrong.\nx = 1  # {mark}\n"))
    assert not list(exemptions_without_reason('x = "# noqa: S603"\n'))


def test_a_limit_without_a_reason_is_caught() -> None:
    assert list(limits_without_reason("TRIES_MAX = 5\n"))
    assert list(limits_without_reason("LEASE_SECONDS: Final = 2 * 60\n"))
    assert not list(limits_without_reason("TRIES_MAX = 5  # more is a full cloud\n"))
    assert not list(limits_without_reason("# As etcd does.\nTRIES_MAX = 5\nLEASE_SECONDS = 9\n"))
    assert not list(limits_without_reason('CODE_MAX = "B"\n'))
