"""A door is silent after several misses of the last few polls, and heard after two in a row."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from photon.scheduler.hearing import ANSWERED_MIN, MISSED_MAX, POLLS_REMEMBERED, Hearing


def after(polls: list[bool]) -> Hearing:
    hearing = Hearing()
    for answered in polls:
        hearing.answer() if answered else hearing.miss()
    return hearing


def test_the_first_answer_of_all_is_believed() -> None:
    assert Hearing().is_silent
    assert not after([True]).is_silent
    assert after([False, True]).is_silent
    assert not after([False, True, True]).is_silent


@given(st.lists(st.booleans(), max_size=60))
def test_it_is_silent_only_after_so_many_misses_of_the_last_few(polls: list[bool]) -> None:
    hearing = Hearing()
    for number, answered in enumerate(polls, 1):
        before = hearing.is_silent
        changed = hearing.answer() if answered else hearing.miss()
        assert changed is (hearing.is_silent is not before)
        if changed and hearing.is_silent:
            assert polls[max(number - POLLS_REMEMBERED, 0) : number].count(False) >= MISSED_MAX
        if changed and not hearing.is_silent and number > 1:
            assert all(polls[number - ANSWERED_MIN : number])


@given(st.integers(2, 30))
def test_one_that_answers_every_second_poll_is_silent_once_and_stays_so(times: int) -> None:
    polls = [True, *[False, True] * times]
    states = [after(polls[:count]).is_silent for count in range(1, len(polls) + 1)]
    changes = sum(a is not b for a, b in pairwise(states))
    assert changes == (1 if times >= MISSED_MAX else 0)
