"""The contract of counters that many share."""

from __future__ import annotations

import asyncio

import pytest

from photon.domain.quota import Amount, QuotaUnit
from photon.store.errors import (
    QuotaExceeded,
)
from photon.store.protocol import (
    Charge,
    DropLimits,
    DropQuota,
    QuotaRow,
    SetLimits,
    Write,
)
from tests.store.rig import WRITERS, Rig, everything
from tests.store.things import THINGS, count_of, inserted


class QuotaContract:
    """Counters that many share."""

    async def test_what_nobody_limits_is_tracked(self, rig: Rig) -> None:
        await rig.store.commit([Charge("o1", (count_of("vm", 2), Amount("m", 3, QuotaUnit.GB)))])
        await rig.store.commit([Charge("o1", (count_of("vm", 5),))])
        assert await rig.store.quota("o1") == [
            QuotaRow("m", None, 3 * 2.0**30, "GB"),
            QuotaRow("vm", None, 7, "COUNT"),
        ]
        assert await rig.store.quota("o2") == []

    async def test_petabytes_add_up_to_the_byte(self, rig: Rig) -> None:
        half = Amount("m", 100_000, QuotaUnit.GB)
        await rig.store.commit([SetLimits("o1", (Amount("m", 200_000, QuotaUnit.GB),))])
        for _ in range(2):
            await rig.store.commit([Charge("o1", (half,))])
        [row] = await rig.store.quota("o1")
        assert row.usage == 200_000 * 2**30
        with pytest.raises(QuotaExceeded):
            await rig.store.commit([Charge("o1", (Amount("m", 1, QuotaUnit.B),))])
        for _ in range(2):
            await rig.store.commit([Charge("o1", (half.negated(),))])
        assert [row.usage for row in await rig.store.quota("o1")] == [0]

    async def test_a_limit_is_reached_but_not_passed(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (count_of("vm", 3),))])
        await rig.store.commit([Charge("o1", (count_of("vm", 3),))])
        with pytest.raises(QuotaExceeded) as raised:
            await rig.store.commit([Charge("o1", (count_of("vm", 0.5),))])
        refused = raised.value
        assert (refused.owner_id, refused.key, refused.unit) == ("o1", "vm", "COUNT")
        assert (refused.limit, refused.usage, refused.amount) == (3, 3, 0.5)

    async def test_the_first_key_without_room_is_named_and_none_is_charged(self, rig: Rig) -> None:
        limits = tuple(count_of(key, 1) for key in "abc")
        await rig.store.commit([SetLimits("o1", limits)])
        before = await everything(rig.store)
        amounts = (count_of("b", 1), count_of("c", 2), count_of("a", 2), count_of("new", 1))
        with pytest.raises(QuotaExceeded) as raised:
            await rig.store.commit([Charge("o1", amounts)])
        assert (raised.value.key, raised.value.usage, raised.value.amount) == ("c", 0, 2)
        assert await everything(rig.store) == before

    async def test_charges_of_one_write_set_add_up(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (count_of("vm", 3),))])
        two = Charge("o1", (count_of("vm", 2),))
        with pytest.raises(QuotaExceeded) as raised:
            await rig.store.commit([two, two])
        assert (raised.value.usage, raised.value.amount) == (2, 2)
        with pytest.raises(QuotaExceeded):
            await rig.store.commit([Charge("o1", (count_of("vm", 2), count_of("vm", 2)))])
        assert (await rig.store.quota("o1"))[0].usage == 0

    async def test_giving_back_is_never_refused(self, rig: Rig) -> None:
        await rig.store.commit([Charge("o1", (count_of("vm", 9),))])
        await rig.store.commit([SetLimits("o1", (count_of("vm", 9),))])
        await rig.store.commit([Charge("o1", (count_of("vm", -4),))])
        assert (await rig.store.quota("o1"))[0].usage == 5

    async def test_more_keys_than_one_statement_takes_are_one_charge(self, rig: Rig) -> None:
        amounts = tuple(count_of(f"k{n:03}", n + 1) for n in range(100))
        await rig.store.commit([SetLimits("o1", (count_of("k099", 100),))])
        await rig.store.commit([Charge("o1", amounts)])
        assert [row.usage for row in await rig.store.quota("o1")] == [n + 1 for n in range(100)]
        with pytest.raises(QuotaExceeded):
            await rig.store.commit([Charge("o1", amounts)])
        assert [row.usage for row in await rig.store.quota("o1")] == [n + 1 for n in range(100)]

    async def test_tenths_add_up_to_where_they_began(self, rig: Rig) -> None:
        tenth = Amount("c", 0.1, QuotaUnit.COUNT)
        await rig.store.commit([SetLimits("o1", (count_of("c", 1),))])
        for _ in range(10):
            await rig.store.commit([Charge("o1", (tenth,))])
        assert (await rig.store.quota("o1"))[0].usage == 1
        for _ in range(10):
            await rig.store.commit([Charge("o1", (tenth.negated(),))])
        assert (await rig.store.quota("o1"))[0].usage == 0

    async def test_units_meet_in_base_units_and_the_limits_unit_is_kept(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (Amount("m", 1, QuotaUnit.GB),))])
        await rig.store.commit([Charge("o1", (Amount("m", 1024, QuotaUnit.MB),))])
        assert await rig.store.quota("o1") == [QuotaRow("m", 2.0**30, 2.0**30, "GB")]
        with pytest.raises(QuotaExceeded):
            await rig.store.commit([Charge("o1", (Amount("m", 1, QuotaUnit.B),))])

    async def test_a_limit_below_what_is_used_is_refused(self, rig: Rig) -> None:
        await rig.store.commit([Charge("o1", (count_of("vm", 3),))])
        before = await everything(rig.store)
        with pytest.raises(QuotaExceeded) as raised:
            await rig.store.commit([SetLimits("o1", (count_of("a", 1), count_of("vm", 2)))])
        assert (raised.value.key, raised.value.limit, raised.value.usage) == ("vm", 2, 3)
        assert await everything(rig.store) == before

    async def test_replacing_limits_unlimits_the_other_keys(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (count_of("a", 1), count_of("b", 2)))])
        await rig.store.commit([SetLimits("o1", (count_of("c", 3),))])
        assert [row.limit for row in await rig.store.quota("o1")] == [1, 2, 3]
        await rig.store.commit([SetLimits("o1", (count_of("b", 5),), replace=True)])
        assert [row.limit for row in await rig.store.quota("o1")] == [None, 5, None]

    async def test_a_dropped_limit_leaves_the_usage(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (count_of("a", 1), count_of("b", 1)))])
        await rig.store.commit([Charge("o1", (count_of("a", 1),))])
        await rig.store.commit([DropLimits("o1", ("a", "unknown"))])
        await rig.store.commit([Charge("o1", (count_of("a", 1),))])
        assert await rig.store.quota("o1") == [
            QuotaRow("a", None, 2, "COUNT"),
            QuotaRow("b", 1, 0, "COUNT"),
        ]

    async def test_an_owner_that_goes_is_forgotten(self, rig: Rig) -> None:
        charge = (count_of("a", 1),)
        await rig.store.commit([Charge("o1", charge), Charge("o2", charge)])
        await rig.store.commit([DropQuota("o1")])
        assert await rig.store.quota("o1") == []
        assert len(await rig.store.quota("o2")) == 1

    async def test_hundreds_of_charges_at_once_fill_a_limit_exactly(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (count_of("vm", 100),))])

        async def charge(n: int) -> int:
            writes: list[Write] = [
                *inserted(f"t{n}"),
                Charge("o1", (count_of("vm", 1), count_of("all", 1))),
            ]
            try:
                await rig.store.commit(writes)
            except QuotaExceeded:
                return 0
            return 1

        assert sum(await asyncio.gather(*map(charge, range(WRITERS)))) == 100
        assert [row.usage for row in await rig.store.quota("o1")] == [100, 100]
        assert await rig.store.count(THINGS, {}) == 100

    async def test_tenths_charged_at_once_add_up_as_one_by_one(self, rig: Rig) -> None:
        charge = Charge("o1", (count_of("vm", 0.1), Amount("m", 0.1, QuotaUnit.GB)))
        await asyncio.gather(*(rig.store.commit([charge]) for _ in range(WRITERS)))
        memory, vms = await rig.store.quota("o1")
        assert vms.usage == WRITERS / 10
        assert memory.usage == round(0.1 * 2**30) * WRITERS

    async def test_who_has_no_room_takes_none_from_those_charged_with_it(self, rig: Rig) -> None:
        await rig.store.commit([SetLimits("o1", (count_of("vm", 3),))])
        one = [Charge(owner, (count_of("vm", 1),)) for owner in ("o1", "o2")]
        for round_ in (1, 2):  # The second time it is full from the beginning.
            told = await asyncio.gather(
                *(rig.store.commit([charge]) for _ in range(5) for charge in one),
                return_exceptions=True,
            )
            refused = [each for each in told if isinstance(each, QuotaExceeded)]
            assert [each.owner_id for each in refused] == ["o1"] * (2 if round_ == 1 else 5)
            assert (await rig.store.quota("o1"))[0].usage == 3
            assert (await rig.store.quota("o2"))[0].usage == 5 * round_
        told = await asyncio.gather(
            rig.store.commit([Charge("o1", (count_of("vm", -2),))]),
            *(rig.store.commit([one[0]]) for _ in range(3)),
            return_exceptions=True,
        )
        assert [isinstance(each, QuotaExceeded) for each in told] == [False, False, False, True]

    async def test_what_is_done_to_a_quota_sees_the_charges_before_it(self, rig: Rig) -> None:
        charge = Charge("o1", (count_of("vm", 1),))
        told = await asyncio.gather(
            rig.store.commit([charge]),
            rig.store.commit([charge]),
            rig.store.commit([SetLimits("o1", (count_of("vm", 1),))]),
            rig.store.commit([DropQuota("o1")]),
            rig.store.commit([charge]),
            return_exceptions=True,
        )
        [refused] = [each for each in told if isinstance(each, Exception)]
        assert isinstance(refused, QuotaExceeded)
        assert refused.usage == 2
        assert (await rig.store.quota("o1"))[0].usage == 1
