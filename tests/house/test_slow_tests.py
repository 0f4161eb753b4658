"""Slow tests run on one worker. The mechanism can stop silently, so it is tried for real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.house.tree import ROOT

WORKERS = ("-n", "2", "--dist", "loadgroup")  # as in bin/test
SAMPLE = """
import pytest

@pytest.mark.slow
@pytest.mark.parametrize("n", range(4))
def test_slow(n): ...

@pytest.mark.parametrize("n", range(4))
def test_quick(n): ...
"""


def test_slow_tests_share_a_worker_and_no_others_do(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(
        "from tests.conftest import pytest_collection_modifyitems as pytest_collection_modifyitems"
    )
    (tmp_path / "test_sample.py").write_text(SAMPLE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers =\n    slow: as in the project\n")
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-v", "-p", "xdist", *WORKERS, str(tmp_path)],
        cwd=tmp_path,
        # Only xdist is tried here; the other plugins take seconds to load, three times.
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    results = [line for line in ran.stdout.splitlines() if "PASSED" in line]
    grouped = [line for line in results if line.rstrip().endswith("@slow")]
    assert len(results) == 8
    assert len(grouped) == 4
    assert all("test_slow" in line for line in grouped)
    assert len({line.split("]")[0] for line in grouped}) == 1, "one worker ran them all"
