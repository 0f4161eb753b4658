"""Who comes is given leaves when it has stayed; who keeps dying, later each time."""

from __future__ import annotations

from photon.coordination.protocol import CONTROLLER
from photon.domain.member import Member
from photon.reconcilers.attendance import (
    DOUBLINGS_MAX,
    FORGIVEN_SECONDS,
    SETTLE_SECONDS,
    Attendance,
)


def member(name: str, number: int = 1) -> Member:
    return Member(f"{name}#{number}", name, CONTROLLER, "")


def names(members: list[Member]) -> set[str]:
    return {each.name for each in members}


def test_those_that_were_there_before_the_chairman_have_stayed() -> None:
    attendance, there = Attendance(), [member("a"), member("b")]
    attendance.look(there, 0.0)
    assert names(attendance.settled(there, 0.0)) == {"a", "b"}


def test_who_comes_must_stay_first() -> None:
    attendance = Attendance()
    attendance.look([member("a")], 0.0)
    there = [member("a"), member("new")]
    attendance.look(there, 1.0)
    assert names(attendance.settled(there, SETTLE_SECONDS)) == {"a"}
    assert names(attendance.settled(there, 1.0 + SETTLE_SECONDS)) == {"a", "new"}


def test_who_keeps_dying_must_stay_longer_each_time_and_is_forgiven_in_the_end() -> None:
    attendance, now, waits = Attendance(), 0.0, list[float]()
    attendance.look([member("a")], now)
    for death in range(DOUBLINGS_MAX + 3):
        there = [member("a"), member("c", death)]
        now += 1.0
        attendance.look(there, now)
        wait = 0.0
        while "c" not in names(attendance.settled(there, now + wait)):
            wait += SETTLE_SECONDS
        waits.append(wait)
        now += 1.0
        attendance.look([member("a")], now)
    assert waits == [SETTLE_SECONDS * 2 ** min(n, DOUBLINGS_MAX) for n in range(len(waits))]
    there = [member("a"), member("c", 99)]
    attendance.look(there, now)
    attendance.look(there, now + FORGIVEN_SECONDS)
    attendance.look([member("a")], now + FORGIVEN_SECONDS + 1)
    attendance.look(there, now + FORGIVEN_SECONDS + 2)
    later = now + FORGIVEN_SECONDS + 2 + SETTLE_SECONDS * 2
    assert "c" in names(attendance.settled(there, later))


def test_a_restart_between_two_looks_is_a_death() -> None:
    attendance = Attendance()
    attendance.look([member("a"), member("b", 1)], 0.0)
    there = [member("a"), member("b", 2)]
    attendance.look(there, 1.0)
    assert names(attendance.settled(there, 2.0)) == {"a"}


def test_if_nobody_has_stayed_all_must_do() -> None:
    attendance, there = Attendance(), [member("new")]
    attendance.look([], 0.0)
    attendance.look(there, 1.0)
    assert names(attendance.settled(there, 1.0)) == {"new"}
