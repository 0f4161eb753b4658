"""Looks for a smaller trial that breaks the same promise: what was left out did not matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from photon.simulation.profiles import PROFILES
from photon.simulation.run import Outcome, Trial, run

RUNS_MAX: Final = 80  # A few seconds each: as long as a person waits before reading the story.
CONTROLLERS_MIN: Final = 1
HOSTS_MIN: Final = 4  # The load leaves so many alone.
SEEDS_A_SIZE: Final = 2
SINGLY_MAX: Final = 8  # From so few on, one less is worth a run.

# What each run was to leave out, which run of RUNS_MAX it was, and how it went.
Tried = Callable[[str, int, Outcome], None]
Cut = Callable[[Outcome], Iterator[Trial]]


def _nobody_listens(what: str, number: int, outcome: Outcome) -> None:
    """Of who wants the result alone."""


def shrink(
    outcome: Outcome,
    on_try: Tried = _nobody_listens,
    play: Callable[[Trial], Outcome] = run,
) -> Outcome:
    """The smallest outcome found that breaks the same promise; `outcome` itself if none is.

    It was played as it is told: the same trial does the same again.
    """
    assert outcome.broken is not None, "a run that broke something is looked into"
    search = _Search(outcome, on_try, play)
    before: Outcome | None = None
    while before is not search.best and search.may_try:
        before = search.best
        for what, cut in _CUTS.items():
            search.cut(what, cut)
    return search.best


@dataclass(slots=True)
class _Search:
    best: Outcome
    on_try: Tried
    play: Callable[[Trial], Outcome]
    runs: int = 0

    @property
    def may_try(self) -> bool:
        return self.runs < RUNS_MAX

    def cut(self, what: str, cut: Cut) -> None:
        """In this direction, for as long as that goes well."""
        while self._any(what, cut):
            pass

    def _any(self, what: str, cut: Cut) -> bool:
        assert self.best.broken is not None
        for trial in cut(self.best):
            if not self.may_try:
                return False
            self.runs += 1
            tried = self.play(trial)
            self.on_try(what, self.runs, tried)
            if tried.broken is not None and tried.broken.promise == self.best.broken.promise:
                self.best = tried
                return True
        return False


def _faults_that_did_not_come(outcome: Outcome) -> Iterator[Trial]:
    """All of them at once: each kind is drawn by itself, so the others come as they did."""
    trial = outcome.trial
    idle = _kinds(trial) - outcome.kinds
    if idle:
        yield replace(trial, spared=trial.spared | idle)


def _steps(outcome: Outcome) -> Iterator[Trial]:
    """Those that were not begun are not needed; then a half less, a quarter, an eighth."""
    trial, done = outcome.trial, outcome.steps
    if done < trial.steps:
        yield replace(trial, steps=done)
        return
    for fewer in _fewer(done, least=1):
        yield replace(trial, steps=fewer)


def _hosts(outcome: Outcome) -> Iterator[Trial]:
    size = outcome.trial.size
    for fewer in _fewer(size.hosts, least=HOSTS_MIN):
        yield from _seeds(replace(outcome.trial, size=replace(size, hosts=fewer)))


def _controllers(outcome: Outcome) -> Iterator[Trial]:
    size = outcome.trial.size
    for fewer in _fewer(size.controllers, least=CONTROLLERS_MIN):
        yield from _seeds(replace(outcome.trial, size=replace(size, controllers=fewer)))


def _clients(outcome: Outcome) -> Iterator[Trial]:
    load = outcome.trial.load
    for fewer in _fewer(load.clients, least=1):
        yield from _seeds(replace(outcome.trial, load=replace(load, clients=fewer)))


def _seeds(trial: Trial) -> Iterator[Trial]:
    """In a cloud of another size everything is drawn otherwise: its own seed is as good as any."""
    for more in range(SEEDS_A_SIZE):
        yield replace(trial, seed=trial.seed + more)


def _faults(outcome: Outcome) -> Iterator[Trial]:
    """All of them, each half, each by itself."""
    trial = outcome.trial
    kinds = sorted(_kinds(trial))
    half = len(kinds) // 2
    parts = [kinds, kinds[:half], kinds[half:], *([kind] for kind in kinds)]
    for number, some in enumerate(parts):
        if some and some not in parts[:number]:
            yield replace(trial, spared=trial.spared | frozenset(some))


# Sizes first, while there are steps enough for what is drawn otherwise then.
_CUTS: Final[dict[str, Cut]] = {
    "faults that did not come": _faults_that_did_not_come,
    "controllers": _controllers,
    "hosts": _hosts,
    "clients": _clients,
    "faults": _faults,
    "steps": _steps,
}


def _kinds(trial: Trial) -> frozenset[str]:
    return frozenset(map(str, PROFILES[trial.profile].faults)) - trial.spared


def _fewer(many: int, *, least: int) -> list[int]:
    """The largest cut first."""
    fewer = {many // 2, many * 3 // 4, many * 7 // 8}
    if many <= SINGLY_MAX:
        fewer.add(many - 1)
    return sorted({max(least, few) for few in fewer if few < many and many > least})


def told(before: Outcome, after: Outcome) -> str:
    """What was left out, in one line."""
    was, now = before.trial, after.trial
    parts = (
        ("steps", before.steps, after.steps),
        ("hosts", was.size.hosts, now.size.hosts),
        ("controllers", was.size.controllers, now.size.controllers),
        ("clients", was.load.clients, now.load.clients),
        ("kinds of faults", len(before.kinds), len(after.kinds)),
        ("faults", before.faults, after.faults),
    )
    return ", ".join(f"{many} to {few} {what}" for what, many, few in parts)
