"""What is broken is drawn from a seed, whole and bounded."""

from __future__ import annotations

from itertools import islice

from photon.chaos.part import Kind
from photon.chaos.schedule import CUTS, Action, Role, all_kinds, schedule

EVERYTHING = all_kinds(tuple(Kind), cuts=True)
LEASE_SECONDS = 12.0


def test_the_same_seed_draws_the_same_faults() -> None:
    first = list(islice(schedule(7, EVERYTHING, LEASE_SECONDS), 200))
    assert first == list(islice(schedule(7, EVERYTHING, LEASE_SECONDS), 200))
    assert first != list(islice(schedule(8, EVERYTHING, LEASE_SECONDS), 200))


def test_no_fault_comes_twice_before_each_came_once() -> None:
    drawn = list(islice(schedule(3, EVERYTHING, LEASE_SECONDS), 3 * len(EVERYTHING)))
    for start in range(0, len(drawn), len(EVERYTHING)):
        deck = drawn[start : start + len(EVERYTHING)]
        assert {(one.action, one.target) for one in deck} == set(EVERYTHING)


def test_short_faults_end_before_a_lease_and_long_ones_after_it() -> None:
    for one in islice(schedule(5, EVERYTHING, LEASE_SECONDS), 300):
        if one.action in (Action.FREEZE, Action.CUT):
            assert one.seconds < LEASE_SECONDS
        if one.action in (Action.FREEZE_LONG, Action.CUT_LONG):
            assert LEASE_SECONDS < one.seconds < 3 * LEASE_SECONDS


def test_some_faults_come_in_pairs_and_most_do_not() -> None:
    drawn = list(islice(schedule(1, EVERYTHING, LEASE_SECONDS), 400))
    assert 40 < sum(one.paired for one in drawn) < 120


def test_where_nothing_can_be_cut_off_no_cut_is_drawn() -> None:
    without = all_kinds(tuple(Kind), cuts=False)
    assert not CUTS & {action for action, _ in without}
    assert set(without) < set(EVERYTHING)


def test_leaders_and_others_of_what_is_led_are_broken_apart() -> None:
    roles = {target.role for _, target in EVERYTHING if target.kind is Kind.POSTGRES}
    assert roles == {Role.LEADER, Role.OTHER}
    assert {target.role for _, target in EVERYTHING if target.kind is Kind.HAPROXY} == {Role.ANY}
