"""`photon plan`, as it is typed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT
from tests.plan.builders import HOSTS, WORKLOAD


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yaml").write_text(HOSTS)
    (tmp_path / "workload.yaml").write_text(WORKLOAD)
    return tmp_path


def typed(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "photon.cli", "plan", *words]
    return subprocess.run(
        command,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


FILES = ("--hosts", "hosts.yaml", "--workload", "workload.yaml")


def test_a_plan_is_printed_and_its_page_written(folder: Path) -> None:
    ran = typed(folder, *FILES, "--out", "report.html", "--jobs", "1")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == "The report with its plots is in report.html.\n"
    assert "On empty hosts, 16 VMs of small fit" in ran.stdout
    page = (folder / "report.html").read_text()
    assert "<title>Plan: hosts.yaml and workload.yaml</title>" in page
    assert "On empty hosts, 16 VMs of small fit" in page


def test_files_may_be_checked_alone(folder: Path) -> None:
    ran = typed(folder, *FILES, "--check")
    assert (ran.returncode, ran.stdout) == (0, "The files are in order.\n")
    (folder / "workload.yaml").write_text("flavors: {small: {cpus: 1}}\nfit: [large]\n")
    ran = typed(folder, *FILES, "--check")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.splitlines() == [
        "workload.yaml:1: flavors.small: 'memory' is missing; write it as 'memory: 2GB'.",
        "workload.yaml:2: fit[0]: 'large' is not one of small.",
    ]


def test_an_example_is_written_checked_and_placed_and_never_written_over(folder: Path) -> None:
    ran = typed(folder, "--example", "mine")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.startswith(
        "photon plan --hosts mine/hosts.yaml --workload mine/workload.yaml"
    )
    files = ("--hosts", "mine/hosts.yaml", "--workload", "mine/workload.yaml")
    ran = typed(folder, *files, "--placement-only", "--jobs", "1")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "On empty hosts, 448 VMs of small fit" in ran.stdout
    assert "Does not survive the loss of any rack" in ran.stdout
    ran = typed(folder, "--example", "mine")
    assert ran.returncode == 1
    assert "the example cannot be written: mine/hosts.yaml: File exists" in ran.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((*FILES, "--out", "nowhere/report.html"), "there is no such folder"),
        ((*FILES, "--seed", "-1"), "--seed"),
        ((*FILES, "--jobs", "99"), "--jobs"),
        (("--hosts", "hosts.yaml"), "--workload"),
        (("--hosts", "no.yaml", "--workload", "workload.yaml"), "no.yaml:1: it cannot be read"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_played(
    folder: Path, words: tuple[str, ...], says: str
) -> None:
    ran = typed(folder, *words)
    assert ran.returncode in (1, 2)
    assert says in ran.stderr
    assert "Traceback" not in ran.stderr


def test_without_what_it_runs_on_it_says_what_to_install(folder: Path) -> None:
    missing = "raise ModuleNotFoundError(\"No module named 'yaml'\", name='yaml')\n"
    (folder / "yaml.py").write_text(missing)
    ran = subprocess.run(
        [sys.executable, "-m", "photon.cli", "plan", *FILES],
        cwd=folder,
        env={"PYTHONPATH": f"{folder}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "'yaml' is not installed. Install photon-controller with all" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_who_reads_the_beginning_alone_is_not_told_of_a_broken_pipe(folder: Path) -> None:
    command = f"{sys.executable} -m photon.plan {' '.join(FILES)} --jobs 1 | head -1"
    ran = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert (ran.stdout, ran.stderr) == ("In short\n", "")
