"""Looks for a smaller trial that breaks the same promise: what was left out did not matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from photon.simulation.profiles import PROFILES
from photon.simulation.run import Outcome, Trial, run

RUNS_MAX: Final = 80  # A few seconds each: as long as a person waits before reading the story.
CONTROLLERS_MIN: Final = 1
HOSTS_MIN: Final = 4  # The load leaves so many alone.

Tried = Callable[[Trial, Outcome], None]


def shrink(
    outcome: Outcome,
    on_try: Tried = lambda trial, outcome: None,
    play: Callable[[Trial], Outcome] = run,
) -> Outcome:
    """The smallest outcome found that breaks the same promise; `outcome` itself if none is."""
    assert outcome.broken is not None, "a run that broke something is looked into"
    best, runs = outcome, 0
    smaller = True
    while smaller:
        smaller = False
        for trial in _smaller(best):
            if runs >= RUNS_MAX:
                return best
            runs += 1
            tried = play(trial)
            on_try(trial, tried)
            if tried.broken is not None and tried.broken.promise == outcome.broken.promise:
                best, smaller = tried, True
                break
    return best


def _smaller(outcome: Outcome) -> Iterator[Trial]:
    """What is worth trying, the largest cut first."""
    trial = outcome.trial
    for steps in _fewer(trial.steps, outcome.steps):
        yield replace(trial, steps=steps)
    size = trial.size
    if size.hosts > HOSTS_MIN:
        yield replace(trial, size=replace(size, hosts=max(HOSTS_MIN, size.hosts // 2)))
    if size.controllers > CONTROLLERS_MIN:
        yield replace(trial, size=replace(size, controllers=size.controllers - 1))
    if trial.load.clients > 1:
        yield replace(trial, load=replace(trial.load, clients=trial.load.clients // 2))
    kinds = [kind for kind in PROFILES[trial.profile].faults if kind not in trial.spared]
    half = len(kinds) // 2
    for some in (kinds[:half], kinds[half:], *([kind] for kind in kinds)):
        if some:
            yield replace(trial, spared=trial.spared | frozenset(some))


def _fewer(steps: int, done: int) -> list[int]:
    """Steps that were not begun are not needed; then half, and so on."""
    if done < steps:
        return [done]
    return sorted({fewer for fewer in (done // 2, done * 3 // 4, done - 1) if fewer > 0})
