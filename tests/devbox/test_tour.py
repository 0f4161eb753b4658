"""The newcomer's tour, as the README tells it: real programs, a real guest, and nothing left."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from photon.agent.drivers.qemu.process import find_guests
from photon.devbox.cloud import DevboxFailed, check_rights
from photon.devbox.leftovers import bridges_stay
from tests.devbox.box import REAL_HOST, ROOT, SCOPE, Box

pytestmark = pytest.mark.slow


def test_a_newcomer_makes_a_vm_whose_guest_speaks(box: Box) -> None:
    box.photon(
        *("vm", "create", "mine", "--flavor", "demo-tiny", "--image", "photon-demo"),
        *("--boot-disk", "demo-boot", *REAL_HOST, "--start", *SCOPE),
    )
    assert box.states()["mine"] == "STARTED"
    said = ""
    for _ in range(60):
        said = box.photon("vm", "console", "mine", "--log", *SCOPE)
        if "Photon demo guest is up" in said:
            break
    assert "Photon demo guest is up" in said


def test_what_was_stopped_goes_on_with_the_next_up(box: Box) -> None:
    before = box.states()
    assert box.devbox("down").returncode == 0
    assert box.devbox("status").returncode == 3
    again = box.devbox("up")
    assert again.returncode == 0, again.stderr
    assert box.states() == before
    assert box.devbox("status").returncode == 0


def test_what_was_killed_leaves_no_guest_and_no_bridge(box: Box) -> None:
    """The VM of the first test runs."""
    assert box.states()["mine"] == "STARTED"
    for program in ("controller", "agent", "simulator"):
        os.kill(box.pid(program), signal.SIGKILL)
    assert box.devbox("down").returncode == 0
    assert find_guests(path.name for path in (box.folder / "agent/datastore/vms").iterdir()) == {}
    assert not bridges_stay(box.folder / "agent/qemu/networks.json")
    again = box.devbox("up")
    assert again.returncode == 0, again.stderr
    assert box.states()["mine"] == "STOPPED"


def test_two_clouds_do_not_share_a_port(box: Box, tmp_path: Path) -> None:
    other = Box(tmp_path, box.port)
    refused = other.devbox("up")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert f"127.0.0.1:{box.port}" in refused.stderr


@pytest.mark.parametrize("example", sorted(path.name for path in ROOT.glob("examples/*.py")))
def test_every_example_runs(box: Box, example: str) -> None:
    image = box.folder / "guest/photon-demo.qcow2"
    arguments = {"first_vm.py": (box.url, str(image))}.get(example, (box.url,))
    ran = box.python(str(ROOT / "examples" / example), *arguments)
    assert ran.returncode == 0, ran.stderr


def test_a_vm_is_deleted_with_its_guest(box: Box) -> None:
    box.photon("vm", "stop", "mine", *SCOPE)
    box.photon("vm", "delete", "mine", *SCOPE)
    assert "mine" not in box.states()


def test_who_is_not_root_is_told_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["bin/devbox", "up", "--hosts", "3"])
    with pytest.raises(DevboxFailed, match="sudo -E bin/devbox up --hosts 3"):
        check_rights(user_id=1000)
