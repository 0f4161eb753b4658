"""Charges are added up only where nobody can tell."""

from __future__ import annotations

import sqlite3

import pytest

from photon.store import quota_rows
from photon.store.errors import QuotaExceeded
from photon.store.migrate import create_statements
from photon.store.pooled import NotTogether, PooledCharges
from photon.store.protocol import Charge, SetLimits
from tests.store.things import count_of

ONE = Charge("o1", (count_of("vm", 1),))
TAKE_BACK = Charge("o1", (count_of("vm", -1),))


class Limited:
    """A database in memory in which o1 may have two VMs."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        for statement in create_statements(()):
            self.connection.execute(statement)
        self.cursor = self.connection.cursor()
        quota_rows.set_limits(self.cursor, SetLimits("o1", (count_of("vm", 2),)))
        self.charges = PooledCharges(self.cursor)
        self.charges.begin(pooling=True)

    def usage(self) -> float:
        return quota_rows.rows(self.connection, "o1")[0].usage


@pytest.fixture
def limited() -> Limited:
    return Limited()


def test_charges_wait_for_the_groups_end(limited: Limited) -> None:
    limited.charges.charge(ONE)
    limited.charges.charge(ONE)
    assert limited.usage() == 0
    limited.charges.settle()
    assert limited.usage() == 2
    limited.charges.settle()
    assert limited.usage() == 2


def test_what_gives_back_comes_after_those_before_it(limited: Limited) -> None:
    for charge in (ONE, ONE, ONE):
        limited.charges.charge(charge)
    with pytest.raises(NotTogether):
        limited.charges.charge(TAKE_BACK)


def test_a_full_quota_is_asked_at_once_until_it_has_room_again(limited: Limited) -> None:
    for _ in range(3):
        limited.charges.charge(ONE)
    with pytest.raises(NotTogether):
        limited.charges.settle()
    limited.charges.begin(pooling=False)
    limited.charges.charge(ONE)
    limited.charges.charge(ONE)
    for pooling in (False, True, True):
        limited.charges.begin(pooling=pooling)
        with pytest.raises(QuotaExceeded):
            limited.charges.charge(ONE)
    limited.charges.charge(TAKE_BACK)
    limited.charges.charge(ONE)
    assert limited.usage() == 2
    limited.charges.charge(ONE)  # Taken for possible again, until the group's end shows better.
    assert limited.usage() == 2
    with pytest.raises(NotTogether):
        limited.charges.settle()


def test_a_new_group_owes_nothing_of_the_last(limited: Limited) -> None:
    limited.charges.charge(ONE)
    limited.charges.begin(pooling=True)
    limited.charges.settle()
    assert limited.usage() == 0
