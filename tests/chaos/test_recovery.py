"""Recovery counts from the injection of a fault, for what that fault broke."""

from __future__ import annotations

from photon.chaos.recovery import SLOW_SECONDS, Attempt, Injected, outages, table

FAULT = Injected("kill -9 controller", "controller-2", at=10.0, healed=14.0, until=20.0, alone=True)


def test_works_again_is_the_first_success_after_the_first_failure() -> None:
    attempts = [
        Attempt("write", 9.0, 9.1),
        Attempt("write", 10.1, 11.0, "refused"),
        Attempt("write", 12.0, 12.5),
        Attempt("write", 13.0, 13.2, "refused"),
        Attempt("write", 14.0, 14.5),
        Attempt("write", 15.0, 15.1),
    ]
    (outage,) = outages(FAULT, attempts)
    assert outage.first_seconds == 2.5
    assert outage.last_seconds == 4.5
    assert (outage.failed, outage.slow, outage.attempts) == (2, 0, 5)


def test_what_was_under_way_at_the_injection_counts() -> None:
    (outage,) = outages(FAULT, [Attempt("write", 9.9, 13.0)])
    assert outage.first_seconds == 3.0
    assert outage.slow == 1


def test_what_only_takes_its_usual_time_is_not_broken() -> None:
    assert outages(FAULT, [Attempt("read", 10.1, 10.1 + SLOW_SECONDS / 2)]) == []


def test_what_ended_before_or_began_afterwards_is_not_its_doing() -> None:
    attempts = [Attempt("read", 9.0, 9.5, "refused"), Attempt("read", 20.5, 21.0, "refused")]
    assert outages(FAULT, attempts) == []


def test_what_never_worked_again_is_said() -> None:
    (outage,) = outages(FAULT, [Attempt("read", 11.0, 12.0, "refused")])
    assert outage.first_seconds is None
    (row,) = table([FAULT], [Attempt("read", 11.0, 12.0, "refused")])
    assert row.unrecovered == 1


def test_the_longest_gap_lies_between_two_successes() -> None:
    attempts = [
        Attempt("read", 10.1, 10.5),
        Attempt("read", 11.0, 12.0, "refused"),
        Attempt("read", 15.0, 15.5),
    ]
    assert outages(FAULT, attempts)[0].longest_seconds == 5.0


def test_what_is_asked_of_one_part_is_told_from_where_the_fault_was() -> None:
    attempts = [
        Attempt("read at controller-1", 11.0, 12.0, "refused"),
        Attempt("read at controller-2", 11.0, 13.0, "refused"),
        Attempt("read at controller-3", 11.0, 14.0, "refused"),
    ]
    rows = {row.operation: row for row in table([FAULT], attempts)}
    assert set(rows) == {"read at it", "read at another"}
    assert rows["read at another"].broke == 1
    assert rows["read at another"].failed == 2


def test_faults_that_came_together_are_not_measured() -> None:
    together = Injected("freeze agent", "agent-1", 10.0, 14.0, 20.0, alone=False)
    assert table([together], [Attempt("read", 11.0, 12.0, "refused")]) == []


def test_a_fault_that_nobody_noticed_has_a_row() -> None:
    (row,) = table([FAULT], [Attempt("read", 11.0, 11.1)])
    assert (row.times, row.broke) == (1, 0)
