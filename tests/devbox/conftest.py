"""One cloud for all of these tests; what it makes on this machine is gone afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from photon.guestimage.build import ensure
from tests.devbox.box import ROOT, Box, free_port, interfaces


@pytest.fixture(scope="session")
def guest_folder() -> Path:
    """The demo guest, built once and kept between runs: its packages are a download of 30 MB."""
    folder = ROOT / ".devbox/demo-guest"
    ensure(folder, print)
    return folder


@pytest.fixture
def stopped_box(tmp_path: Path, guest_folder: Path) -> Iterator[Box]:
    """A cloud that was not brought up yet; down afterwards."""
    box = furnished(tmp_path, guest_folder)
    yield box
    box.devbox("down")


@pytest.fixture(scope="session")
def box(tmp_path_factory: pytest.TempPathFactory, guest_folder: Path) -> Iterator[Box]:
    """Up with three simulated hosts beside the real one; down afterwards, whatever happened."""
    before = interfaces()
    box = furnished(tmp_path_factory.mktemp("box"), guest_folder)
    brought = box.devbox("up", "--hosts", "3")
    try:
        assert brought.returncode == 0, brought.stdout + brought.stderr
        yield box
    finally:
        box.devbox("down")
    assert interfaces() <= before


def furnished(folder: Path, guest: Path) -> Box:
    shutil.copytree(guest, folder / "guest", ignore=shutil.ignore_patterns("packages"))
    return Box(folder, free_port())
