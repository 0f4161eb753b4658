"""Services as thrift files describe them: read once at start, then tables of methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import thriftpy2

_INSTALLED_THRIFT_FILES = Path(__file__).resolve().parent / "idl"
_CHECKOUT_THRIFT_FILES = Path(__file__).resolve().parents[2] / "thrift"

_T_STRING, _T_MAP = 11, 13


@dataclass(frozen=True, slots=True)
class Method:
    """One method: its thrift classes, and the members of each that carry something."""

    name: str
    arguments: type[Any]
    result: type[Any]
    argument_names: tuple[str, ...]
    exceptions: tuple[tuple[str, type[Exception]], ...]  # member of the result, class
    returns: bool  # False: the answer is empty


@dataclass(frozen=True, slots=True)
class Service:
    """A thrift service and the module with its structs."""

    name: str
    structs: ModuleType
    methods: Mapping[str, Method]


def find_thrift_file(name: str) -> Path:
    """Where a thrift file of ours lies: in an installed package inside it, in a checkout beside."""
    installed = _INSTALLED_THRIFT_FILES / name
    return installed if installed.exists() else _CHECKOUT_THRIFT_FILES / name


def load_service(thrift_file: Path, name: str) -> Service:
    """Parses a thrift file. Errors in it are ours, and raised as thriftpy2 raises them."""
    module = thriftpy2.load(str(thrift_file), module_name=f"{thrift_file.stem}_thrift")
    described = getattr(module, name)
    methods = {method: _method(described, method) for method in described.thrift_services}
    for method in methods.values():
        _assert_decodable(method.arguments)
        _assert_decodable(method.result)
    return Service(name, module, methods)


def _method(described: Any, name: str) -> Method:
    arguments = getattr(described, f"{name}_args")
    result = getattr(described, f"{name}_result")
    exceptions = tuple(
        (spec[1], spec[2]) for _, spec in sorted(result.thrift_spec.items()) if spec[1] != "success"
    )
    names = tuple(spec[1] for _, spec in sorted(arguments.thrift_spec.items()))
    return Method(name, arguments, result, names, exceptions, 0 in result.thrift_spec)


def _assert_decodable(struct: Any) -> None:
    """The Cython decoder misreads a map whose sender used other types, save maps of strings."""
    pending, seen = [struct], set()
    while pending:
        current = pending.pop()
        if current in seen:
            continue
        seen.add(current)
        for spec in current.thrift_spec.values():
            if spec[0] == _T_MAP:
                assert spec[2] == (_T_STRING, _T_STRING), f"{current.__name__}.{spec[1]}"
            pending.extend(_structs_in(spec[2]))


def _structs_in(spec: Any) -> list[Any]:
    if isinstance(spec, tuple):
        return [struct for part in spec for struct in _structs_in(part)]
    return [spec] if hasattr(spec, "thrift_spec") else []
