"""What is held of hosts without their knowing is held for a lease, by the auditor's own count."""

from __future__ import annotations

import pytest

from photon.scheduler.policy import RESERVATION_LEASE_SECONDS
from photon.scheduler.treetop import TreeTop
from photon.simulation.invariants import Invariant
from photon.simulation.promises import SLACK_SECONDS, Promises
from photon.workload.broken import Broken
from tests.scheduler.cloud import (
    TurnedClock,
    a_demand,
    a_guest,
    an_inventory,
    at_once,
    placed,
)
from tests.scheduler.test_treetop import a_top, add_host

TOO_LONG_SECONDS = RESERVATION_LEASE_SECONDS + SLACK_SECONDS + 1


def _promised() -> TreeTop:
    """Of a clock that stands still, so that no lease ends."""
    top = a_top(TurnedClock())
    add_host(top, "h1", "leaf-0")
    placed(at_once(top.root.place(a_demand("vm-1"))))
    return top


def test_a_promise_that_outlives_its_lease_is_found() -> None:
    top, promises = _promised(), Promises()
    promises.look("me", top, (), 0.0)
    promises.look("me", top, (), RESERVATION_LEASE_SECONDS)
    with pytest.raises(Broken, match=Invariant.PROMISES_END):
        promises.look("me", top, (), TOO_LONG_SECONDS)


def test_a_promise_lasts_while_a_task_works_on_it() -> None:
    top, promises = _promised(), Promises()
    promises.look("me", top, ["vm-1"], 0.0)
    promises.look("me", top, ["vm-1"], TOO_LONG_SECONDS)
    promises.look("me", top, (), TOO_LONG_SECONDS + RESERVATION_LEASE_SECONDS)


def test_what_the_host_reports_is_no_promise() -> None:
    top, promises = _promised(), Promises()
    promises.look("me", top, (), 0.0)
    assert top.report(an_inventory("h1", generation=2, guests=[a_guest("vm-1")]))
    promises.look("me", top, (), TOO_LONG_SECONDS)


def test_the_promises_of_another_life_are_others() -> None:
    top, promises = _promised(), Promises()
    promises.look("me", top, (), 0.0)
    promises.look("me again", top, (), TOO_LONG_SECONDS)
