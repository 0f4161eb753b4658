"""What can be said of something that others change at the same time."""

from __future__ import annotations

from typing import Any

import pytest

from photon.workload.broken import Broken, Promise
from photon.workload.facts import Cell, Life, Span
from photon.workload.ledger import Ledger


def test_a_change_that_is_done_alone_leaves_one_value() -> None:
    cell = Cell("off")
    change = cell.begin(1, lambda _: "on")
    assert cell.values == {"off", "on"}
    cell.done(change, 2)
    assert cell.values == {"on"}


def test_a_change_that_is_refused_changes_nothing() -> None:
    cell = Cell("off")
    cell.refused(cell.begin(1, lambda _: "on"), 2)
    assert cell.values == {"off"}


def test_of_changes_at_the_same_time_either_may_be_the_last() -> None:
    cell = Cell("off")
    one, other = cell.begin(1, lambda _: "on"), cell.begin(2, lambda _: "asleep")
    cell.done(one, 3)
    cell.done(other, 4)
    assert {"on", "asleep"} <= cell.values


def test_a_change_that_nobody_answered_may_happen_at_any_later_time() -> None:
    cell = Cell("off")
    cell.begin(1, lambda _: "on")
    cell.done(cell.begin(2, lambda _: "asleep"), 3)
    assert cell.values >= {"asleep", "on"}


def test_a_read_may_see_what_was_at_any_moment_of_it() -> None:
    cell = Cell("off")
    cell.done(cell.begin(5, lambda _: "on"), 6)
    assert cell.during(Span(1, 9)) == frozenset({"off", "on"})
    assert cell.during(Span(7, 9)) == frozenset({"on"})


def test_what_is_being_deleted_neither_surely_is_nor_surely_is_not() -> None:
    life = Life(asked=1, made=2)
    assert life.surely(Span(3, 4))
    life.delete_asked(5)
    assert not life.surely(Span(6, 7))
    assert life.maybe(Span(6, 7))
    life.deleted(8)
    assert not life.maybe(Span(9, 10))


def test_a_delete_that_is_refused_leaves_it_as_it_was() -> None:
    life = Life(asked=1, made=2)
    life.delete_asked(3)
    life.delete_refused()
    assert life.surely(Span(5, 6))


def _task(state: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": "t",
        "selfLink": "http://one/v1/tasks/t",
        "operation": "START_VM",
        "entity": {"kind": "vm", "id": "v"},
        "queuedTime": 1,
        "endTime": 2 if state in ("COMPLETED", "ERROR") else None,
        "state": state,
        "steps": [],
    } | changes


def test_a_task_that_was_told_to_have_ended_does_not_run_again() -> None:
    ledger = Ledger()
    ledger.saw_task(_task("COMPLETED"), Span(1, 2))
    with pytest.raises(Broken, match=Promise.READS_SEE_WRITES):
        ledger.saw_task(_task("STARTED"), Span(3, 4))


def test_an_answer_that_was_long_on_its_way_may_be_old() -> None:
    ledger = Ledger()
    ledger.saw_task(_task("COMPLETED"), Span(2, 3))
    ledger.saw_task(_task("STARTED"), Span(1, 4))


def test_a_task_ends_in_one_way() -> None:
    ledger = Ledger()
    ledger.saw_task(_task("COMPLETED"), Span(1, 2))
    ledger.saw_task(_task("COMPLETED", selfLink="http://other/v1/tasks/t"), Span(3, 4))
    with pytest.raises(Broken, match=Promise.TASK_ENDS_ONCE):
        ledger.saw_task(_task("COMPLETED", endTime=9), Span(5, 6))


def test_an_id_is_given_to_one_request() -> None:
    ledger = Ledger()
    ledger.new_id("a", "key-1")
    ledger.new_id("a", "key-1")
    with pytest.raises(Broken, match=Promise.IDS_ARE_NEW):
        ledger.new_id("a", "key-2")


def test_a_list_is_never_older_than_one_that_was_read_before() -> None:
    ledger = Ledger()
    ledger.saw_revision(10, Span(1, 2))
    ledger.saw_revision(9, Span(1, 3))  # They overlapped.
    with pytest.raises(Broken, match=Promise.READS_SEE_WRITES):
        ledger.saw_revision(9, Span(4, 5))
