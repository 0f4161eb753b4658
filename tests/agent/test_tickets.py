"""A ticket lets in once, and not for long."""

from __future__ import annotations

import os

import pytest

from photon.agent.tickets import TICKETS_MAX, TicketBook
from photon.domain.guest import AgentRefusal
from tests.agent.conftest import HandClock
from tests.drivers.arrange import refused


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def book(clock: HandClock) -> TicketBook[str]:
    return TicketBook(clock, os.urandom, valid_seconds=60)


def test_a_ticket_lets_in_once(book: TicketBook[str]) -> None:
    ticket = book.issue("vm-1")
    assert book.redeem(ticket) == "vm-1"
    assert book.redeem(ticket) is None


def test_a_ticket_is_for_its_own_target(book: TicketBook[str]) -> None:
    one, two = book.issue("vm-1"), book.issue("vm-2")
    assert (book.redeem(two), book.redeem(one)) == ("vm-2", "vm-1")


def test_an_old_ticket_lets_nobody_in(book: TicketBook[str], clock: HandClock) -> None:
    ticket = book.issue("vm-1")
    clock.seconds += 60
    assert book.redeem(ticket) is None


def test_a_made_up_ticket_lets_nobody_in(book: TicketBook[str]) -> None:
    book.issue("vm-1")
    assert book.redeem("") is None
    assert book.redeem("x" * 32) is None


def test_there_are_so_many_tickets_until_some_are_old(
    book: TicketBook[str], clock: HandClock
) -> None:
    for number in range(TICKETS_MAX):
        book.issue(f"vm-{number}")
    with refused(AgentRefusal.TICKET_UNAVAILABLE):
        book.issue("one more")
    clock.seconds += 60
    book.issue("one more")
