"""Cells of a test's own, where this machine lets them be made."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from photon.chaos.cells import Cells, unified


@pytest.fixture
def cells() -> Iterator[Cells]:
    top = unified()
    made = None if top is None else Cells.at(top / f"photon-chaos-test-{os.getpid()}")
    if made is None:
        pytest.skip("no control groups (version 2) can be made here")
    try:
        yield made
    finally:
        made.end()
