"""The example programs run as a reader would run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.sdk.stub import Stub

ROOT = Path(__file__).resolve().parents[2]


def run_example(name: str, *arguments: str) -> str:
    program = [sys.executable, str(ROOT / "examples" / name), *arguments]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        program, check=False, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_vm_example_makes_a_vm_and_cleans_up(
    target: str, stub: Stub, tmp_path: Path
) -> None:
    image = tmp_path / "image.qcow2"
    image.write_bytes(b"QFI\xfb" + bytes(1000))
    assert "first-vm is STARTED on host 10.0.0.3" in run_example("first_vm.py", target, str(image))
    assert not any(stub.entities.values())


def test_the_list_example_prints_the_tree(target: str, stub: Stub) -> None:
    tenant = stub.add("tenants", {"name": "eng"})
    stub.add("projects", {"name": "web", "parent": tenant["id"]})
    assert run_example("list_everything.py", target) == "eng\n  web\n"
