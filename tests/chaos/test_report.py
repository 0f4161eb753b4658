"""What a person is told of a run."""

from __future__ import annotations

import msgspec

from photon.chaos.outcome import Breach, Outcome
from photon.chaos.recovery import Injected, Row
from photon.chaos.report import STORIES_MAX, told

FAULT = Injected("kill -9 controller", "controller-2", 10.0, 14.0, 20.0, alone=True)
ROW = Row("kill -9 controller", 2, "write", 1, 2.5, 2.5, 4.0, 3, 40, 2.4, 0)


def an_outcome(*breaches: Breach) -> Outcome:
    return Outcome(
        seed=7,
        minutes=3,
        command="bin/chaos --minutes 3 --seed 7",
        began="2026-01-01T00:00:00+00:00",
        machine="2 cores",
        cuts=True,
        faults=(FAULT,),
        recovery=(ROW, Row("freeze agent", 1, "-", 0, None, None, None, 0, 0, 0.0, 0)),
        ended=(),
        operations={"create VM": 3},
        probes=40,
        probes_failed=3,
        problems=(("refused", 3),),
        breaches=breaches,
    )


def test_recovery_is_a_table_with_a_row_for_each_fault_and_what_it_broke() -> None:
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in told(an_outcome()).splitlines()
        if line.startswith("|")
    ]
    assert lines[0][:3] == ["fault", "times", "what it broke"]
    assert lines[2][:6] == [
        *("kill -9 controller", "2", "write (1 times)", "2.5 s", "2.5 s", "4.0 s")
    ]
    assert lines[3][:3] == ["freeze agent", "1", "nothing"]


def test_a_broken_promise_is_told_with_its_story_and_the_command_that_repeats_it() -> None:
    said = told(an_outcome(Breach("ACKNOWLEDGED_EXISTS", "VM x is gone", ("[1.0 s] made", "x"))))
    assert "BROKEN  ACKNOWLEDGED_EXISTS: VM x is gone\n    [1.0 s] made" in said
    assert "bin/chaos --minutes 3 --seed 7" in said
    assert "Every promise was kept" not in said


def test_of_many_broken_promises_the_first_are_told() -> None:
    said = told(an_outcome(*[Breach("AUDIT", f"number {n}") for n in range(STORIES_MAX + 3)]))
    assert f"number {STORIES_MAX - 1}" in said
    assert f"number {STORIES_MAX}" not in said
    assert "... and 3 more." in said


def test_programs_can_read_it() -> None:
    read = msgspec.json.decode(msgspec.json.encode(an_outcome()), type=Outcome)
    assert read == an_outcome()
    assert read.kept
