"""What is declared is what is used: dependencies, locks, Debian packages, entry points."""

from __future__ import annotations

import ast
import importlib.util
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.house.tree import ROOT, Finding, hold, no_findings, parsed, python_files, text

RUN_IN = Path("requirements/run.in")
RUN_LOCK = Path("requirements/run.lock")
HA_IN = Path("requirements/ha.in")
HA_LOCK = Path("requirements/ha.lock")
DEV_IN = Path("requirements/dev.in")
DEV_LOCK = Path("requirements/dev.lock")
DEBIAN = Path("requirements/debian.txt")
DEPENDENCIES_ADR = Path("docs/adr/0010-dependencies.md")

PINNED = re.compile(r"[a-z0-9-]+==[A-Za-z0-9.+!]+ \\")
HASH = re.compile(r" {4}--hash=sha256:[0-9a-f]{64}( \\)?")
PARTS = ("python", "run", "ha", "test")
# What a distribution is imported as, where that is not its own name.
IMPORTED_AS = {"python-multipart": "python_multipart", "pyyaml": "yaml", "qemu-qmp": "qemu"}
# Found by name at run time: uvicorn's loop, parser and WebSocket protocol.
NEVER_IMPORTED = frozenset(("httptools", "websockets"))


def project() -> dict[str, Any]:
    loaded: dict[str, Any] = tomllib.loads(text(Path("pyproject.toml")))["project"]
    return loaded


def normal(name: str) -> str:
    return re.sub(r"[._]", "-", name).lower()


def declared(requirements: str) -> set[str]:
    """The packages of a .in file."""
    lines = (line.split("#")[0].strip() for line in requirements.splitlines())
    return {normal(re.split(r"[<>=\[]", line)[0]) for line in lines if line and line[0] != "-"}


def locked(lock: str) -> dict[str, str]:
    """Version by package."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, flags=re.MULTILINE))


def unpinned(lock: str) -> Iterator[Finding]:
    for number, line in enumerate(lock.splitlines(), start=1):
        if not PINNED.fullmatch(line) and not HASH.fullmatch(line):
            yield Finding(number, "a lock holds `name==version` and its hashes, nothing else")


def malformed_debian(listed: str) -> Iterator[Finding]:
    for number, line in enumerate(listed.splitlines(), start=1):
        if line and not line.startswith("#"):
            match [field.strip() for field in line.split("|")]:
                case [_, version, part, why] if part in PARTS and version.endswith("*") and why:
                    pass
                case _:
                    yield Finding(number, "package | version* | python, run, ha or test | why")


def imported(sources: Iterable[str]) -> set[str]:
    """The top-level names that these modules import."""
    found: set[str] = set()
    for source in sources:
        for node in ast.walk(parsed(source)):
            if isinstance(node, ast.Import):
                found.update(alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.split(".")[0])
    return found


def test_locks_hold_versions_and_hashes_only() -> None:
    hold(unpinned, [RUN_LOCK, HA_LOCK, DEV_LOCK])


def test_the_tests_run_on_the_versions_that_the_program_runs_on() -> None:
    run, ha, dev = (locked(text(lock)) for lock in (RUN_LOCK, HA_LOCK, DEV_LOCK))
    assert run.items() <= ha.items() <= dev.items()


def test_what_the_package_declares_is_what_is_locked() -> None:
    floors = dict(re.split(r">=", line) for line in project()["dependencies"])
    assert {normal(name) for name in floors} == declared(text(RUN_IN))
    assert declared(text(RUN_IN)) <= locked(text(RUN_LOCK)).keys()


def test_every_dependency_is_used() -> None:
    used = imported(text(path) for path in python_files("photon"))
    names = {name: IMPORTED_AS.get(name, name) for name in declared(text(RUN_IN)) - NEVER_IMPORTED}
    no_findings(
        f"{RUN_IN}: nothing imports {name}" for name, module in names.items() if module not in used
    )


def test_every_dependency_has_its_reason() -> None:
    rows = re.findall(r"^\| ([a-z0-9-]+) \| (\d\S*) \|", text(DEPENDENCIES_ADR), re.MULTILINE)
    chosen = set().union(*(declared(text(each)) for each in (RUN_IN, HA_IN, DEV_IN)))
    versions = locked(text(DEV_LOCK))
    assert dict(rows) == {name: versions[name] for name in sorted(chosen)}


def test_every_debian_package_has_a_version_and_a_reason() -> None:
    hold(malformed_debian, [DEBIAN])


def test_every_entry_point_exists() -> None:
    for target in project()["scripts"].values():
        module, _, function = target.partition(":")
        assert importlib.util.find_spec(module), f"{module} is missing"
        source = parsed(text(Path(*module.split(".")).with_suffix(".py")))
        names = {node.name for node in source.body if isinstance(node, ast.FunctionDef)}
        assert function in names, f"{target}: there is no such function"


def test_the_licence_is_there() -> None:
    assert project()["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_an_address_or_a_missing_hash_in_a_lock_is_caught() -> None:
    assert list(unpinned("--extra https://x\n"))
    assert list(unpinned("falcon==4.4.0\n"))
    assert not list(unpinned("falcon==4.4.0 \\\n    --hash=sha256:" + "a" * 64 + "\n"))


def test_a_malformed_debian_line_is_caught() -> None:
    assert list(malformed_debian("qemu-utils | 1:7.2* | run\n"))
    assert list(malformed_debian("qemu-utils | 1:7.2 | run | why\n"))
    assert list(malformed_debian("qemu-utils | 1:7.2* | later | why\n"))
    assert not list(malformed_debian("# why\nqemu-utils | 1:7.2* | run | qemu-img\n"))


def test_names_are_compared_as_registries_do() -> None:
    assert declared("# why\n-r run.in\nqemu.qmp\nSQLAlchemy>=2\n") == {"qemu-qmp", "sqlalchemy"}
    assert locked("a==1 \\\n    --hash=sha256:0\n") == {"a": "1"}
    assert imported(["import a.b\nfrom c.d import e\n"]) == {"a", "c"}
