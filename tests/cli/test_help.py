"""What a few help texts look like, whole. Write one again: photon vm --help > golden/vm.txt."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Photon

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("line", ["", "vm", "vm create", "quota set"])
def test_help_reads_as_it_was_meant_to(
    bare: Photon, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = line.replace(" ", "-") or "photon"
    assert bare(*line.split(), "--help").out == (GOLDEN / f"{name}.txt").read_text()
