"""The command line, run against a stub that serves on a port of this machine."""

from __future__ import annotations

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from photon.cli.main import run
from tests.sdk.serving import serving
from tests.sdk.stub import Stub


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Photon = Callable[..., Ran]


@pytest.fixture(scope="session")
def _served() -> Iterator[tuple[Stub, str]]:
    stub = Stub()
    with serving(stub) as target:
        yield stub, target


@pytest.fixture
def stub(_served: tuple[Stub, str]) -> Stub:
    """As new, though it serves since the first test."""
    stub, _ = _served
    stub.__init__(port=stub.port)  # type: ignore[misc]  # the server holds this object
    return stub


@pytest.fixture
def target(_served: tuple[Stub, str]) -> str:
    return _served[1]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory and no settings of whoever runs the tests."""
    for name in [name for name in os.environ if name.startswith("PHOTON_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def bare(environment: None) -> Photon:
    """Runs the program with nothing remembered."""

    def photon(*arguments: str) -> Ran:
        out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = run(arguments)
            out.flush()
        raw = out.buffer
        assert isinstance(raw, io.BytesIO)
        return Ran(code, raw.getvalue().decode(), err.getvalue())

    return photon


@pytest.fixture
def photon(bare: Photon, stub: Stub, target: str) -> Photon:
    """Runs the program with a target, a tenant and a project that it remembers."""
    tenant = stub.add("tenants", {"name": "eng"})
    stub.add("projects", {"name": "web", "parent": tenant["id"]})
    for command in (("target", target), ("tenant", "eng"), ("project", "web")):
        ran = bare(command[0], "set", command[1])
        assert ran.code == 0, ran.err
    stub.asked.clear()
    return bare
