"""When a host is missing and when it is there again, whatever the beats."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from photon.reconcilers.heartbeat import MISSES, WINDOW, Heartbeats

HOSTS = ("h1", "h2", "h3")
# Of one beat: None is an agent that does not answer, else whom it leaves out.
BEATS = st.lists(st.none() | st.sets(st.sampled_from(HOSTS)), max_size=60)
LOST = st.lists(st.booleans(), max_size=80)


@dataclass
class Host:
    """What becomes of one host, by the thresholds alone; reconciliation takes no time here."""

    beats: Heartbeats = field(default_factory=Heartbeats)
    missing: bool = False
    changes: list[int] = field(default_factory=list)  # at which beats
    beaten: int = 0

    def beat(self, *, lost: bool) -> None:
        self.beaten += 1
        if lost:
            self.beats.silence()
        else:
            self.beats.answer(set())
        judge = self.beats.steady if self.missing else self.beats.lost
        if judge({"h"}):
            self.missing = not self.missing
            self.changes.append(self.beaten)


@given(BEATS)
def test_one_history_for_all_says_what_one_history_each_would(
    beats: list[set[str] | None],
) -> None:
    together = Heartbeats()
    alone: dict[str, deque[bool]] = {id: deque(maxlen=WINDOW) for id in HOSTS}
    for absent in beats:
        for id, history in alone.items():
            history.append(absent is None or id in absent)
        if absent is None:
            together.silence()
        else:
            together.answer(absent)
        full = {id for id, history in alone.items() if len(history) == WINDOW}
        lost = {id for id in full if sum(alone[id]) >= MISSES and alone[id][-1]}
        assert together.lost(set(HOSTS)) == lost
        assert together.steady(set(HOSTS)) == {id for id in full if not any(alone[id])}


@given(LOST)
def test_a_host_with_fewer_misses_than_the_threshold_in_every_window_is_never_missing(
    lost: list[bool],
) -> None:
    host = Host()
    kept: deque[bool] = deque(maxlen=WINDOW)
    for each in lost:
        allowed = each and sum(list(kept)[-(WINDOW - 1) :]) < MISSES - 1
        kept.append(allowed)
        host.beat(lost=allowed)
    assert not host.missing
    assert host.changes == []


@given(LOST)
def test_a_host_is_missing_or_back_only_after_a_whole_window_of_beats(lost: list[bool]) -> None:
    host = Host()
    for each in lost:
        host.beat(lost=each)
    assert all(first >= WINDOW for first in host.changes[:1])
    comings = [(a, b) for n, (a, b) in enumerate(pairwise(host.changes)) if n % 2 == 0]
    assert all(back - gone >= WINDOW for gone, back in comings), "back after a steady window alone"
    goings = host.changes[::2]
    assert all(b - a >= WINDOW + MISSES for a, b in pairwise(goings)), "no flapping"


@given(st.integers(1, WINDOW - 1), st.integers(1, WINDOW), st.integers(2, 20))
def test_a_host_that_comes_and_goes_changes_once_at_most(
    heard: int, unheard: int, rounds: int
) -> None:
    host = Host()
    for _ in range(rounds):
        for lost in [False] * heard + [True] * unheard:
            host.beat(lost=lost)
    assert len(host.changes) <= 1


def test_a_host_that_joins_late_is_tried_a_whole_window_before_anything_is_said() -> None:
    beats = Heartbeats()
    for _ in range(WINDOW):
        beats.answer(set())
    beats.join("late")
    for tried in range(1, WINDOW + 1):
        assert beats.lost({"late"}) == set()
        assert beats.in_doubt()
        beats.answer({"late"})
        assert (beats.lost({"late"}) == {"late"}) == (tried == WINDOW)
    beats.leave("late")
    assert not beats.in_doubt()
