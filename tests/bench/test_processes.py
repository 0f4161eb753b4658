"""A server is measured with its children, of which some end while that is done."""

from __future__ import annotations

import subprocess
import sys

import pytest

from bench.processes import ProcessGone, cpu_seconds_of, of_family

LOOKS = 300
# Children that live for a moment each, some at any time.
PARENT = """
import subprocess
print(flush=True)
while True:
    for child in [subprocess.Popen(["true"]) for _ in range(4)]:
        child.wait()
"""


def used(pids: list[int]) -> float:
    return sum(map(cpu_seconds_of, pids))


def test_a_child_that_ends_while_it_is_looked_at_is_none() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        try:
            amounts = [of_family(parent.pid, lambda pids: used([*pids])) for _ in range(LOOKS)]
        finally:
            parent.kill()
    assert len(amounts) == LOOKS
    assert all(amount >= 0 for amount in amounts)


def test_a_process_that_has_ended_is_told() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    with pytest.raises(ProcessGone):
        of_family(process.pid, lambda pids: used([*pids]))


def test_a_child_that_is_never_there_is_told_in_the_end() -> None:
    def gone(pids: object) -> float:
        raise ProcessGone(1)

    with subprocess.Popen(["sleep", "60"]) as process:
        try:
            with pytest.raises(ProcessGone):
                of_family(process.pid, gone)
        finally:
            process.kill()
