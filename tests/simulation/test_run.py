"""Trials: what holds, what is found when it does not, and that a trial can be repeated."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from photon.simulation.__main__ import command
from photon.simulation.run import Outcome, Trial, run
from photon.simulation.shrink import shrink
from photon.simulation.world import Size
from photon.workload.broken import Broken, Promise
from photon.workload.site import Load

SMALL = Trial(
    7, steps=60, size=Size(hosts=6, hosts_per_agent=2), load=Load(clients=4, pause_seconds=6.0)
)


def test_a_hostile_trial_holds() -> None:
    outcome = run(SMALL)
    assert outcome.broken is None, "\n".join([str(outcome.broken), *outcome.story])
    assert outcome.steps == SMALL.steps
    assert outcome.faults > 0


def test_the_same_trial_leaves_the_same_trace_whatever_hashes_are() -> None:
    words = ["--seed", "7", "--steps", "25", "--hosts", "6", "--trace-hash"]
    hashes = {
        subprocess.run(
            [sys.executable, "-m", "photon.simulation", *words],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.splitlines()[-1]
        for seed in ("1", "2")
    }
    assert len(hashes) == 1


def test_a_smaller_run_is_found_that_breaks_the_same() -> None:
    broken = Broken(Promise.TASK_ENDS, "a task does not end")

    def play(trial: Trial) -> Outcome:
        breaks = trial.steps >= 20 and "partition" not in trial.spared
        return _outcome(trial, broken if breaks else None)

    found = shrink(_outcome(replace(SMALL, steps=60), broken), play=play)
    assert found.broken is broken
    assert found.trial.steps in range(20, 23)
    assert found.trial.size.controllers == 1
    assert len(found.trial.spared) > 10
    assert "partition" not in found.trial.spared


def test_the_command_that_repeats_a_trial_says_all_of_it() -> None:
    trial = replace(SMALL, spared=frozenset({"partition", "kill-guest"}))
    assert command(trial) == (
        "bin/simulate --seed 7 --steps 60 --controllers 3 --hosts 6 --hosts-per-agent 2 "
        "--clients 4 --pause 6 --profile hostile --spare kill-guest,partition"
    )


def _outcome(trial: Trial, broken: Broken | None) -> Outcome:
    return Outcome(trial, broken, [], trial.steps, 100.0, 10, "", frozenset({"partition"}))
