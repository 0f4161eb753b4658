"""The newcomer's tour, as the README tells it: real programs, a real guest, and nothing left."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND_SECONDS_MAX = 420
SCOPE = ("--tenant", "demo", "--project", "demo")

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Box:
    """A devbox of this test's own: its folder, its ports."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PHOTON_DEVBOX_DIR": str(self.folder),
            "PHOTON_TARGET": self.url,
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "PYTHONPATH": str(ROOT),
        }

    def devbox(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run("-m", "photon.devbox", "--port", str(self.port), *arguments)

    def photon(self, *arguments: str) -> str:
        answer = self._run("-m", "photon.cli", *arguments)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run(*arguments)

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    """Up with three simulated hosts beside the real one; down afterwards, whatever happened."""
    box = Box(tmp_path_factory.mktemp("box"), free_port())
    brought = box.devbox("up", "--hosts", "3")
    try:
        assert brought.returncode == 0, brought.stdout + brought.stderr
        yield box
    finally:
        box.devbox("down")


def vms_of(box: Box) -> dict[str, str]:
    """State by name."""
    listed = box.photon("vm", "list", *SCOPE, "-o", "json")
    return {vm["name"]: vm["state"] for vm in msgspec.json.decode(listed)["items"]}


def test_a_newcomer_makes_a_vm_whose_guest_speaks(box: Box) -> None:
    box.photon(
        *("vm", "create", "mine", "--flavor", "demo-tiny", "--image", "photon-demo"),
        *("--boot-disk", "demo-boot", "--affinity", "host:127.0.0.1", "--start", *SCOPE),
    )
    assert vms_of(box)["mine"] == "STARTED"
    said = ""
    for _ in range(60):
        said = box.photon("vm", "console", "mine", "--log", *SCOPE)
        if "Photon demo guest is up" in said:
            break
    assert "Photon demo guest is up" in said


def test_what_was_stopped_goes_on_with_the_next_up(box: Box) -> None:
    before = vms_of(box)
    assert box.devbox("down").returncode == 0
    assert box.devbox("status").returncode == 3
    again = box.devbox("up")
    assert again.returncode == 0, again.stderr
    assert vms_of(box) == before
    assert box.devbox("status").returncode == 0


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
    assert "mine" not in vms_of(box)
