"""The benchmarks: one JSON object each, facts that hold on any machine, and nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bench.evenness import Compared, balance, pack
from bench.global_view import GlobalView, HostSize
from bench.result import Result, histogram, percentile
from bench.scale import Scale

ROOT = Path(__file__).resolve().parents[2]
SECONDS_MAX = 120
TINY = {
    "create": ("--hosts", "2", "--vms", "6", "--lines", "3"),
    "list": ("--vms", "4", "--count", "3"),
    "get": ("--vms", "4", "--count", "9", "--lines", "2"),
    "register": ("--hosts", "7", "--agents", "2", "--lines", "3"),
}
DONE = {"create": 6, "list": 3, "get": 9, "register": 7}


def started(*arguments: str, path: str | None = None) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if path is not None:
        environment["PATH"] = path
    return subprocess.Popen(
        [sys.executable, "-m", "bench", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def measured(*arguments: str) -> Result:
    out, said = (bench := started(*arguments, "--json")).communicate(timeout=SECONDS_MAX)
    assert bench.returncode == 0, said
    assert out.count("\n") == 1, "one object on one line"
    return msgspec.json.decode(out, type=Result, strict=True)


def children_of(pid: int) -> dict[int, Path]:
    """The folder of each program's data or log, by process id."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return {int(child): Path(os.readlink(f"/proc/{child}/fd/2")).parent for child in children}


@pytest.mark.slow
def test_two_controllers_on_postgresql_are_measured_and_so_is_the_server() -> None:
    one = measured(
        *("create", "--hosts", "4", "--vms", "8", "--lines", "4"),
        *("--store", "postgresql", "--controllers", "2", "--leaf-hosts", "2"),
    )
    assert (one.operation, one.count, one.errors) == ("create", 8, 0)
    used = {"controller-1", "controller-2", "postgresql", "agent-1", "load"}
    assert one.cpu_us_per_op.keys() == used
    assert one.store_commits_per_second > 0
    assert one.write_sets_per_commit >= 1
    refused = started("create", "--controllers", "2")
    assert "SQLite has one controller" in refused.communicate(timeout=SECONDS_MAX)[1]


def test_placements_are_measured_one_by_one() -> None:
    one = measured("place", "--hosts", "4", "--count", "50")
    assert (one.operation, one.count, one.errors) == ("place", 50, 0)
    assert one.commits_per_op == 0.0
    assert list(one.cpu_us_per_op) == ["controller-1"]
    assert 0 < one.latency_ms.p50 <= one.latency_ms.p99


def test_a_cloud_that_is_nearly_full_stays_so_while_guests_come_and_go() -> None:
    one = measured("place", "--hosts", "300", "--count", "2000", "--case", "full")
    assert (one.operation, one.count + one.errors) == ("place", 2000)
    assert one.errors < 20, "a demand that one host in a hundred can take is placed"


def test_placements_that_find_no_room_are_errors() -> None:
    one = measured("place", "--hosts", "1", "--count", "2000", "--case", "plain")
    assert one.errors > 0
    assert one.count + one.errors == 2000


@pytest.mark.slow
@pytest.mark.parametrize("operation", sorted(TINY))
def test_each_operation_is_measured_with_all_its_processes(operation: str) -> None:
    one = measured(operation, *TINY[operation])
    assert (one.operation, one.count, one.errors) == (operation, DONE[operation], 0)
    agents = {"agent-1", "agent-2"} if operation == "register" else {"agent-1"}
    assert set(one.cpu_us_per_op) == {"controller-1", "load", *agents}
    assert 0 < one.latency_ms.p50 <= one.latency_ms.p99
    assert one.per_minute > 0
    if operation == "register":
        assert 4.0 <= one.commits_per_op < 6.0, "two tasks, of two write-sets each"
    elif operation == "create":
        # Three, and one more for a step that a busy machine keeps from ending soon.
        assert 3.0 <= one.commits_per_op < 4.0
    else:
        assert one.commits_per_op == 0.0


@pytest.mark.slow
def test_a_cloud_is_measured_at_each_of_its_sizes() -> None:
    size = ("--hosts", "6", "--agents", "2", "--vms-max", "300", "--creates", "20")
    bench = started("scale", *size, "--idle-seconds", "1", "--json")
    out, said = bench.communicate(timeout=SECONDS_MAX)
    assert bench.returncode == 0, said
    found = msgspec.json.decode(out, type=Scale, strict=True)
    assert (found.hosts, found.agents) == (6, 2)
    assert [level.vms for level in found.levels] == [1, 300]
    assert "bulk" in found.filled, "what was not done through the API is said"
    empty, full = found.levels
    assert set(full.page_us) == {"first", "middle", "last", "by name"}
    assert empty.page_us == {}
    assert all(level.controller_mib > 0 and level.start_cpu_seconds > 0 for level in found.levels)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_benchmark_that_is_interrupted_leaves_nothing(number: signal.Signals) -> None:
    bench = started("create", "--hosts", "1", "--vms", "50000")
    assert bench.stderr is not None
    while "image" not in bench.stderr.readline():
        assert bench.poll() is None
    programs = children_of(bench.pid)
    assert len(programs) == 2
    bench.send_signal(number)
    _, said = bench.communicate(timeout=SECONDS_MAX)
    assert bench.returncode == 1
    assert "Traceback" not in said
    for pid, folder in programs.items():
        assert not Path(f"/proc/{pid}").exists()
        assert not folder.exists()


def test_a_missing_program_is_named_in_one_paragraph() -> None:
    out, said = (bench := started("create", path="/nowhere")).communicate(timeout=SECONDS_MAX)
    assert (bench.returncode, out) == (1, "")
    assert "qemu-utils" in said
    assert "Traceback" not in said


def test_guests_are_spread_nearly_as_evenly_as_if_all_hosts_were_seen() -> None:
    found = balance(hosts=600, count=12_000, seed=1)  # three leaves
    assert (found.placed, found.placed_all_at_once) == (12_000, 12_000)
    assert 1.0 <= found.all_at_once <= found.tree * 1.01
    assert found.tree <= 1.10
    assert found.ratio <= 1.05


def test_hosts_are_packed_nearly_as_full_as_if_all_were_seen() -> None:
    found = pack(hosts=600, seed=1)
    assert 0.9 < found.all_at_once <= 1.0
    assert found.ratio >= 0.97


def test_how_good_choices_are_is_said_in_one_object_too() -> None:
    bench = started("pack", "--hosts", "20", "--json")
    out, said = bench.communicate(timeout=SECONDS_MAX)
    assert bench.returncode == 0, said
    assert msgspec.json.decode(out, type=Compared, strict=True) == pack(hosts=20, seed=1)


def test_who_sees_all_hosts_spreads_packs_and_refuses() -> None:
    spread = GlobalView(2, HostSize(4, 1024), pack=False)
    assert [spread.place(1, 600), spread.place(1, 300)] == [True, True]
    assert spread.memory_used_mib.tolist() == [600, 300]
    assert spread.place(1, 300)
    assert spread.memory_used_mib.tolist() == [600, 600]
    assert not spread.place(1, 500), "neither has room"
    assert not spread.place(4, 1), "vCPUs count as well"
    packed = GlobalView(2, HostSize(4, 1024), pack=True)
    assert [packed.place(1, 600), packed.place(1, 300), packed.place(1, 300)] == [True] * 3
    assert packed.memory_used_mib.tolist() == [900, 300]
    assert packed.used_share() == 1200 / 2048


def test_a_percentile_is_one_of_the_numbers() -> None:
    assert percentile([], 0.5) == 0.0
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([float(n) for n in range(100)], 0.99) == 99.0


def test_a_histogram_has_every_operation_in_it() -> None:
    bars = histogram([0.001, 0.5, 0.5, 100.0])
    assert sum(int(line.split("ms")[1].split()[0]) for line in bars.splitlines()) == 4
    assert histogram([]) == "  nothing was measured"
