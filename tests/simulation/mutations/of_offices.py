"""Who lives and who leads, broken on purpose."""

from __future__ import annotations

from typing import Any, Final

from photon.coordination import in_store
from photon.coordination.in_store import StoreCoordination
from photon.coordination.silence import Silence
from photon.domain.member import Office
from photon.store.nouns import MEMBERS, OFFICES
from photon.store.protocol import Insert, Require, Update
from tests.simulation.mutations.mutation import Mutation, Surgery, replace

HASTY: Final = 0.3  # Of a lease.


class _WallClock:
    """A clock whose monotonic time is the wall's."""

    def __init__(self, clock: Any) -> None:
        self._clock = clock

    def now_ms(self) -> int:
        return int(self._clock.now_ms())

    def monotonic(self) -> float:
        return self.now_ms() / 1000.0

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


def lease_by_the_wall(surgery: Surgery) -> None:
    def around(made: Any) -> Any:
        def made_so(self: Any, store: Any, clock: Any, *args: Any, **terms: Any) -> None:
            made(self, store, _WallClock(clock), *args, **terms)

        return made_so

    surgery.wrap(StoreCoordination, "__init__", around)


def hold_for_ever(surgery: Surgery) -> None:
    surgery.replace(StoreCoordination, "holds", lambda self: not self._gone)


def bury_the_hasty(surgery: Surgery) -> None:
    def around(made: Any) -> Any:
        def made_so(self: Any, terms: Any) -> None:
            made(self, terms)
            self._lease_seconds *= HASTY

        return made_so

    surgery.wrap(Silence, "__init__", around)


def take_from_the_living(surgery: Surgery) -> None:
    def taking(office: str, row: Office | None, me: str) -> list[Any]:
        took = (
            Insert(OFFICES, Office(office, me))
            if row is None
            else Update(OFFICES, replace(row, holder=me))
        )
        return [Require(MEMBERS, me), took]

    surgery.replace(in_store, "found_vacant", lambda row, me, living: True)
    surgery.replace(in_store, "taking", taking)


MUTATIONS: Final = (
    Mutation("lease-by-wall-clock", "jumping", "leases go by the wall's clock", lease_by_the_wall),
    Mutation(
        "hold-for-ever", "jumping", "an office is held until one is told otherwise", hold_for_ever
    ),
    Mutation(
        "bury-the-hasty", "jumping", "who is silent for a third of a lease is dead", bury_the_hasty
    ),
    Mutation("two-leaders", "calm", "offices are taken from the living", take_from_the_living),
)
