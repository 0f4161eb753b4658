"""No order of a set reaches what a program does: it differs from process to process, by hashes.

What two controllers do with the same things would differ, and a simulation could not be repeated.
Whoever goes through a set sorts it, or says in a comment why any order will do.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Final

import pytest

from tests.house.tree import Finding, files, hold, parsed, text

# People's tools, and what is beside the programs: nothing of theirs is played again.
ELSEWHERE: Final = ("cli", "sdk", "devbox", "chaos", "guestimage", "reference", "storekeeper")
ANY_ORDER: Final = re.compile(r"#.*\bany order\b")
_SETS: Final = frozenset({"set", "frozenset", "Set", "AbstractSet", "MutableSet"})
# What these make of a set is the same, however they go through it.
_ORDERLESS: Final = frozenset(
    {"sorted", "set", "frozenset", "sum", "any", "all", "min", "max", "len"}
)
_ORDERED: Final = frozenset({"list", "tuple", "iter", "enumerate", "zip", "map", "filter", "dict"})
_OPERATORS: Final = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
_MAKING: Final = frozenset({"union", "intersection", "difference", "symmetric_difference"})


Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef


def _is_set_type(annotation: ast.expr) -> bool:
    while isinstance(annotation, ast.Subscript):
        annotation = annotation.value
    return _name(annotation) in _SETS


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


class _Known:
    """What a module says of its names: attributes and results of functions, and, in a scope, its
    variables. `common` are attributes that are sets wherever a class has such a field. What is not
    said, such as what a function of another module answers, is not known."""

    def __init__(self, tree: ast.Module, common: AbstractSet[str]) -> None:
        self.attributes: set[str] = {*common}
        self.of_sets: set[str] = set()  # attributes that are dicts of sets
        self.results: set[str] = set()
        self.variables: set[str] = set()
        for node in ast.walk(tree):
            match node:
                case ast.ClassDef(body=body):
                    self._fields(body)
                case ast.AnnAssign(target=ast.Attribute(attr=name), annotation=annotation):
                    self._attribute(name, annotation)
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    self._result(node)

    def _fields(self, body: list[ast.stmt]) -> None:
        for each in body:
            if isinstance(each, ast.AnnAssign):
                self._attribute(_name(each.target), each.annotation)

    def _attribute(self, name: str, annotation: ast.expr) -> None:
        if _is_set_type(annotation):
            self.attributes.add(name)
        match annotation:
            case ast.Subscript(slice=ast.Tuple(elts=[_, values])) if _is_set_type(values):
                self.of_sets.add(name)

    def _result(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.returns is not None and _is_set_type(node.returns):
            self.results.add(node.name)
            if any(_name(each) == "property" for each in node.decorator_list):
                self.attributes.add(node.name)

    def enter(self, scope: Scope) -> None:
        """Its variables, in place of those of the scope before."""
        self.variables = set()
        for node in _inside(scope):
            match node:
                case ast.arg(arg=name, annotation=ast.expr() as annotation):
                    self.variables |= {name} if _is_set_type(annotation) else set()
                case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation):
                    self.variables |= {name} if _is_set_type(annotation) else set()
                case ast.Assign(targets=[target], value=value):
                    self._assigned(target, value)

    def _assigned(self, target: ast.expr, value: ast.expr) -> None:
        match target, value:
            case ast.Name(id=name), _ if self.is_set(value):
                self.variables.add(name)
            case ast.Tuple(elts=targets), ast.Tuple(elts=values):
                for one, other in zip(targets, values, strict=False):
                    self._assigned(one, other)

    def is_set(self, node: ast.expr) -> bool:
        match node:
            case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name(id="set" | "frozenset")):
                return True
            case ast.Call(func=ast.Attribute(attr=attr, value=value)) if attr in _MAKING:
                return self.is_set(value)
            case ast.Call(func=ast.Attribute(attr="get", value=ast.Attribute(attr=name))):
                return name in self.of_sets
            case ast.Call(func=func):
                return _name(func) in self.results
            case ast.BinOp(left=left, right=right, op=op) if isinstance(op, _OPERATORS):
                return self.is_set(left) or self.is_set(right)
            case ast.Name(id=name):
                return name in self.variables
            case ast.Attribute(attr=name):
                return name in self.attributes
            case ast.Subscript(value=ast.Attribute(attr=name)):
                return name in self.of_sets
            case ast.IfExp(body=body, orelse=orelse):
                return self.is_set(body) or self.is_set(orelse)
        return False


def _inside(scope: Scope) -> Iterator[ast.AST]:
    """All of it, but for the functions in it."""
    todo: list[ast.AST] = list(ast.iter_child_nodes(scope))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            todo.extend(ast.iter_child_nodes(node))


def unordered(source: str, common: AbstractSet[str] = frozenset()) -> Iterator[Finding]:
    """Where a set's order is seen."""
    tree, lines = parsed(source), source.splitlines()
    known = _Known(tree, common)
    scopes = [each for each in ast.walk(tree) if isinstance(each, Scope)]
    for scope in scopes:
        known.enter(scope)
        nodes = list(_inside(scope))
        harmless = _harmless(nodes)
        for node in nodes:
            for seen in _gone_through(node, harmless):
                said = lines[max(0, seen.lineno - 2) : seen.end_lineno]
                if known.is_set(seen) and not any(map(ANY_ORDER.search, said)):
                    what = f"goes through the set `{ast.unparse(seen)}` in any order: sort it"
                    yield Finding(seen.lineno, what)


def _harmless(nodes: list[ast.AST]) -> set[int]:
    calls = [each for each in nodes if isinstance(each, ast.Call)]
    return {
        id(argument) for call in calls if _name(call.func) in _ORDERLESS for argument in call.args
    }


def _gone_through(node: ast.AST, harmless: set[int]) -> Iterator[ast.expr]:
    """What this node goes through in an order that can be seen."""
    match node:
        case ast.For(iter=each) | ast.AsyncFor(iter=each):
            yield each
        case ast.ListComp() | ast.DictComp() | ast.GeneratorExp() if id(node) not in harmless:
            for generator in node.generators:
                yield generator.iter
        case ast.Call(func=ast.Name(id=name), args=args) if name in _ORDERED:
            if id(node) not in harmless:
                yield from args
        case ast.Call(func=ast.Attribute(attr="join" | "extend" | "fromkeys"), args=args):
            yield from args
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Call(args=elements):
            yield from (each.value for each in elements if isinstance(each, ast.Starred))


def programs() -> list[Path]:
    return [
        path
        for path in files()
        if path.suffix == ".py" and path.parts[0] == "photon" and path.parts[1] not in ELSEWHERE
    ]


def common_fields() -> AbstractSet[str]:
    """Names of fields that are sets in every class that has one of this name."""
    sets: set[str] = set()
    others: set[str] = set()
    for path in programs():
        for node in ast.walk(parsed(text(path))):
            if isinstance(node, ast.ClassDef):
                fields = [each for each in node.body if isinstance(each, ast.AnnAssign)]
                sets |= {_name(each.target) for each in fields if _is_set_type(each.annotation)}
                others |= {
                    _name(each.target) for each in fields if not _is_set_type(each.annotation)
                }
    return sets - others


def test_no_program_goes_through_a_set_as_it_comes() -> None:
    assert programs()
    common = common_fields()
    assert common
    hold(lambda source: unordered(source, common), programs())


@pytest.mark.parametrize(
    "bad",
    [
        "for x in {1, 2}: pass",
        "names: set[str] = read()\nfor name in names: pass",
        "def f(ids: AbstractSet[str]) -> list[str]: return [id for id in ids]",
        "def f(ids: frozenset[str], gone: set[str]) -> list[str]: return list(ids - gone)",
        "class A:\n  ids: set[str]\n  def f(self) -> None:\n    send(*self.ids)",
        "class A:\n  def f(self) -> None:\n    self.by: dict[str, set[str]] = {}\n"
        "    for x in self.by['a']: send(x)",
        "def ids() -> set[str]: ...\ntext = ', '.join(ids())",
        "class A:\n  ids: set[str]\n  def f(self) -> None:\n"
        "    ids, self.ids = self.ids, set()\n    for x in ids: send(x)",
        "found = set(read())\nfor x in found.union(read()): send(x)",
    ],
)
def test_a_set_that_is_gone_through_as_it_comes_is_caught(bad: str) -> None:
    assert list(unordered(bad))


@pytest.mark.parametrize(
    "good",
    [
        "for x in sorted({1, 2}): pass",
        "total = sum(x for x in {1, 2})",
        "doubled = {2 * x for x in {1, 2}}",
        "for x in {1, 2}:  # any order: each is by itself\n  pass",
        "def f(ids: set[str]) -> None: ...\nfor ids in read(): pass",
        "for x in {1: 2}: pass",
    ],
)
def test_what_has_an_order_or_needs_none_is_not(good: str) -> None:
    assert not list(unordered(good))
