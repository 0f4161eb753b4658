"""Whoever is killed while it breaks things leaves nothing behind."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from photon.chaos.cells import Cells
from photon.chaos.cuts import Cut, Cuts
from photon.chaos.guardian import Charge, Guardian
from tests.chaos.idle import Answering

END_SECONDS_MAX = 60.0
# Starts a guardian and waits to be killed; its guardian ends when all is clean.
WARD = """
import sys, time, msgspec
from photon.chaos.guardian import Charge, Guardian
guardian = Guardian(msgspec.json.decode(sys.argv[1], type=Charge))
guardian.start()
print(guardian.pid, flush=True)
time.sleep(3600)
"""


def test_after_a_kill_the_cuts_are_mended_and_the_cells_are_empty(
    cells: Cells, tmp_path: Path
) -> None:
    if not Cuts.possible():
        pytest.skip("the packet filter is not here, or not ours to ask")
    table = f"photon_chaos_guard_{os.getpid()}"
    part = Answering(cells.cell("one"), "127.0.0.1")
    part.start()
    cuts = Cuts(table, cells, ["one"])
    cuts.make(Cut("one"))
    down = ("touch", str(tmp_path / "down"))
    charge = _charge(Charge(table, str(cells.root), down))
    with subprocess.Popen([sys.executable, "-c", WARD, charge], stdout=subprocess.PIPE) as ward:
        assert ward.stdout is not None
        guardian = os.pidfd_open(int(ward.stdout.readline()))
        ward.send_signal(signal.SIGKILL)
    assert -ward.wait() == signal.SIGKILL
    assert _ended(guardian)
    part.end()
    listed = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    assert table not in listed.stdout
    assert not cells.root.exists()
    assert (tmp_path / "down").exists()


def test_one_that_is_dismissed_does_nothing(tmp_path: Path) -> None:
    guardian = Guardian(Charge(None, None, ("touch", str(tmp_path / "down"))))
    guardian.start()
    guardian.dismiss()
    assert not (tmp_path / "down").exists()


def _charge(charge: Charge) -> str:
    return msgspec.json.encode(charge).decode()


def _ended(pidfd: int) -> bool:
    ready, _, _ = select.select([pidfd], [], [], END_SECONDS_MAX)
    os.close(pidfd)
    return bool(ready)
