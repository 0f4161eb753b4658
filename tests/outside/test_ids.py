"""Ids are UUIDs of version 7 that ascend, and none is given twice."""

from __future__ import annotations

from uuid import RFC_4122, UUID

from photon.outside.ids import RANDOM_BYTES_A_DRAW, TimeOrderedIds

IDS = 10_000  # More than one millisecond counts (4,096), and many draws of random bytes.


class StoppedClock:
    """One millisecond, for as long as it is told."""

    def __init__(self) -> None:
        self.ms = 1_700_000_000_123

    def now_ms(self) -> int:
        return self.ms

    def monotonic(self) -> float:
        return self.ms / 1000

    async def sleep(self, seconds: float) -> None: ...


def test_every_id_is_a_uuid_of_version_7_in_lower_case() -> None:
    ids = TimeOrderedIds(StoppedClock())
    for _ in range(IDS):
        text = ids.new()
        id = UUID(text)
        assert (id.version, id.variant, str(id)) == (7, RFC_4122, text)


def test_ids_ascend_within_a_millisecond_and_when_the_clock_goes_back() -> None:
    clock = StoppedClock()
    ids = TimeOrderedIds(clock)
    made = [ids.new() for _ in range(IDS)]
    clock.ms -= 1000
    made += [ids.new() for _ in range(IDS)]
    clock.ms += 5000
    made.append(ids.new())
    assert made == sorted(set(made))
    assert UUID(made[-1]).int >> 80 == clock.ms


def test_all_random_bits_but_the_variant_are_in_the_id() -> None:
    ids = TimeOrderedIds(StoppedClock(), lambda size: b"\xff" * size)
    assert ids.new()[19:] == "bfff-ffffffffffff"
    ids = TimeOrderedIds(StoppedClock(), lambda size: b"\x00" * size)
    assert ids.new()[19:] == "8000-000000000000"
    ids = TimeOrderedIds(StoppedClock(), lambda size: bytes(range(20)) * (size // 20 + 1))
    assert {ids.new()[19:] for _ in range(RANDOM_BYTES_A_DRAW // 10)} == {
        *("8001-020304050607", "8a0b-0c0d0e0f1011")
    }
