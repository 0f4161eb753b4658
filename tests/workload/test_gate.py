"""What a pause of the system lets through, as far as a client can tell."""

from __future__ import annotations

import pytest

from photon.workload.broken import Broken, Promise
from photon.workload.facts import Span
from photon.workload.gate import (
    BACKGROUND_PAUSED,
    PAUSED,
    READY,
    SYSTEM_INFO,
    Gate,
    is_gated,
)

CREATE = ("POST", "/v1/tenants")


def _paused() -> Gate:
    """From moment 2 on."""
    gate = Gate()
    gate.over(gate.begin(1, PAUSED), 2, done=True, refused=False)
    return gate


@pytest.mark.parametrize(
    ("method", "path", "gated"),
    [
        ("POST", "/v1/tenants", True),
        ("DELETE", "/v1/vms/x", True),
        ("POST", "/v1/system/pause", True),
        ("POST", "/v1/system/resume", False),
        ("POST", "/v1/system/audit", False),
        ("POST", "/v1/projects/x/capacity", False),
        ("GET", "/v1/vms/x/subnets", True),
        ("GET", "/v1/vms/x/mks_ticket?a=b", True),
        ("GET", "/v1/vms/x", False),
    ],
)
def test_what_changes_something_is_at_the_gate(method: str, path: str, gated: bool) -> None:
    assert is_gated(method, path) is gated


def test_a_controller_that_knows_of_a_pause_takes_nothing() -> None:
    gate = _paused()
    gate.judge(CREATE, "way", Span(3, 4), paused=True)
    with pytest.raises(Broken, match=Promise.READS_SEE_WRITES):
        gate.judge(CREATE, "way", Span(5, 6), paused=False)


def test_a_controller_may_hear_of_a_pause_later_than_others() -> None:
    gate = _paused()
    gate.judge(CREATE, "one", Span(3, 4), paused=True)
    gate.judge(CREATE, "other", Span(5, 6), paused=False)


def test_a_controller_that_showed_the_end_of_a_pause_refuses_nothing() -> None:
    gate = _paused()
    gate.over(gate.begin(3, READY), 4, done=True, refused=False)
    gate.told("way", Span(5, 6), (READY,), SYSTEM_INFO)
    with pytest.raises(Broken, match=Promise.READS_SEE_WRITES):
        gate.judge(CREATE, "way", Span(7, 8), paused=True)


def test_who_takes_a_change_does_not_say_which_state_it_believes_in() -> None:
    gate = Gate()
    gate.over(gate.begin(1, BACKGROUND_PAUSED), 2, done=True, refused=False)
    gate.judge(CREATE, "way", Span(3, 4), paused=False)
    gate.told("way", Span(5, 6), (READY,), SYSTEM_INFO)


def test_while_a_change_is_under_way_either_may_be_so() -> None:
    gate = _paused()
    gate.judge(CREATE, "way", Span(3, 4), paused=True)
    gate.begin(5, READY)
    gate.judge(CREATE, "way", Span(6, 7), paused=False)
    gate.judge(CREATE, "way", Span(8, 9), paused=True)


def test_a_pause_does_not_keep_anybody_from_reading() -> None:
    with pytest.raises(Broken, match=Promise.REFUSED_FOR_A_REASON):
        _paused().judge(("GET", "/v1/tenants"), "way", Span(3, 4), paused=True)
