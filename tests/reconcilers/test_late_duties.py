"""A housekeeper that was frozen until another had its office: the store takes nothing of it."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

import msgspec
import pytest

from photon.domain.datastore import Datastore
from photon.domain.debt import Debt, DebtKind
from photon.domain.idempotency import IdempotentAnswer
from photon.domain.image import Image, ReplicationType
from photon.domain.kinds import EntityKind
from photon.domain.orphan import Orphan
from photon.domain.readiness import Readiness
from photon.domain.task import Tombstone
from photon.domain.vm import Vm, VmState
from photon.domain.zone import Zone
from photon.reconcilers.duty import Duty
from photon.reconcilers.housekeeping import House, Housekeeping
from photon.reconcilers.incumbency import Incumbency
from photon.reconcilers.sweep_records import KEPT_MS
from photon.reconcilers.sweeps import HOUSEKEEPER
from photon.store.errors import RequirementFailed
from photon.store.nouns import (
    DATASTORES,
    DEBTS,
    IDEMPOTENT_ANSWERS,
    IMAGES,
    OFFICES,
    ORPHANS,
    TOMBSTONES,
    VMS,
    ZONES,
)
from photon.store.protocol import Insert, Noun, Update
from tests.agent.conftest import HandClock
from tests.api.cloud_rig import CloudApi


class Held:
    """The leadership of a member that believes that it leads, whatever is so."""

    office = HOUSEKEEPER

    def __init__(self, fence: int) -> None:
        self.number: int | None = fence
        self.asked = 0
        self.lost_after = math.inf

    def fence(self) -> int | None:
        self.asked += 1
        return self.number if self.asked <= self.lost_after else None

    async def wait(self) -> int:
        raise AssertionError("nobody waits here")

    async def resign(self) -> None: ...

    def leader(self) -> str | None:
        return None


class Houses:
    """The same duties, in the hands of who was frozen, and of its successor."""

    def __init__(self, api: CloudApi) -> None:
        self.clock = HandClock()
        house = House(
            api.agents, api.plane.images, self.clock, lambda id: f"http://x/{id}", frozenset
        )
        self.old_right = Incumbency(api.store, Held(1), "old")
        self.new_right = Incumbency(api.store, Held(2), "new")
        self.old = Housekeeping(house, self.old_right)
        self.new = Housekeeping(house, self.new_right)

    @staticmethod
    def duty(keeping: Housekeeping, name: str) -> Duty:
        return next(duty for duty in keeping.duties if duty.name == name)


@pytest.fixture
def houses(api: CloudApi) -> Iterator[Houses]:
    made = Houses(api)
    yield made
    for keeping in (made.old, made.new):
        keeping.close()


Arrange = Callable[[CloudApi, int], Awaitable[None]]


async def _an_old_tombstone(api: CloudApi, now_ms: int) -> None:
    old = Tombstone("gone", EntityKind.VM, now_ms - KEPT_MS - 1)
    await api.store.commit([Insert(TOMBSTONES, old)])


async def _an_old_answer(api: CloudApi, now_ms: int) -> None:
    answer = IdempotentAnswer("old", "hash", 201, b"{}", now_ms - KEPT_MS - 1)
    await api.store.commit([Insert(IDEMPOTENT_ANSWERS, answer)])


async def _a_deleted_zone(api: CloudApi, now_ms: int) -> None:
    await api.store.commit([Insert(ZONES, Zone("z", "z", Readiness.PENDING_DELETE))])


async def _a_datastore_of_nobody(api: CloudApi, now_ms: int) -> None:
    await api.store.commit([Insert(DATASTORES, Datastore("lost", "lost", "OTHER", (), 1))])


async def _an_orphan_of_a_removed_host(api: CloudApi, now_ms: int) -> None:
    orphan = Orphan("h/x", "h", "10.0.0.1", EntityKind.VM, "x", "it is there", 1)
    await api.store.commit([Insert(ORPHANS, orphan)])


async def _a_debt_of_a_host_that_was_given_back(api: CloudApi, now_ms: int) -> None:
    debt = Debt("d", "h", "10.0.0.1", "nowhere:1", DebtKind.VM, "x", now_ms)
    await api.store.commit([Insert(DEBTS, debt)])


async def _a_vm_whose_guest_is_gone(api: CloudApi, now_ms: int) -> None:
    host_id = await api.ready_host()
    vm = Vm("vm-1", "p", "vm", "f", "f", "i", (), 1, 512, VmState.STOPPED, host_id=host_id)
    await api.store.commit([Insert(VMS, vm)])


async def _an_image_that_is_to_be_copied(api: CloudApi, now_ms: int) -> None:
    await api.ready_host()
    image = Image("i", "i", ReplicationType.EAGER, Readiness.READY, checksum="a" * 64)
    await api.store.commit([Insert(IMAGES, image)])


CASES: Final[dict[str, tuple[Arrange, Noun[Any]]]] = {
    "sweep-tombstones": (_an_old_tombstone, TOMBSTONES),
    "sweep-answers": (_an_old_answer, IDEMPOTENT_ANSWERS),
    "sweep-zones": (_a_deleted_zone, ZONES),
    "sweep-datastores": (_a_datastore_of_nobody, DATASTORES),
    "orphans": (_an_orphan_of_a_removed_host, ORPHANS),
    "debts": (_a_debt_of_a_host_that_was_given_back, DEBTS),
    "guest-audit": (_a_vm_whose_guest_is_gone, VMS),
    "image-copies": (_an_image_that_is_to_be_copied, IMAGES),
}
# It writes nothing into the store; which files it deletes: tests/images, `decided_late`.
OF_FILES: Final = {"sweep-image-files"}


async def test_no_duty_of_the_office_is_forgotten_here(houses: Houses) -> None:
    assert {duty.name for duty in houses.old.duties} == CASES.keys() | OF_FILES
    assert {duty.office for duty in houses.old.duties} == {HOUSEKEEPER}


@pytest.mark.parametrize("name", CASES)
async def test_what_a_deposed_housekeeper_writes_is_refused(
    api: CloudApi, houses: Houses, name: str
) -> None:
    arrange, noun = CASES[name]
    await houses.old_right.condition()  # It led, and was frozen in the middle of its duty.
    await arrange(api, houses.clock.now_ms())
    await houses.new_right.condition()
    before = await _rows(api, noun)
    with contextlib.suppress(RequirementFailed):  # Most duties expect to be refused.
        await houses.duty(houses.old, name).once()
    assert await _rows(api, noun) == before
    await houses.duty(houses.new, name).once()
    assert await _rows(api, noun) != before, "there was something to do"


async def _rows(api: CloudApi, noun: Noun[Any]) -> list[Any]:
    return (await api.store.page(noun, {}, limit=100)).items


async def test_who_does_not_lead_writes_nothing(api: CloudApi) -> None:
    held = Held(1)
    right = Incumbency(api.store, held, "me")
    await right.condition()
    held.number = None
    with pytest.raises(RequirementFailed):
        await right.bound().commit([Insert(ZONES, Zone("z", "z"))])


async def test_who_loses_the_office_while_it_enters_does_not_take_it_back(api: CloudApi) -> None:
    """Frozen between its two looks at the lease, it reads a row that names its successor."""
    await Incumbency(api.store, Held(2), "new").condition()
    late = Held(1)
    late.lost_after = 1
    with pytest.raises(RequirementFailed):
        await Incumbency(api.store, late, "old").condition()
    row = await api.store.find(OFFICES, HOUSEKEEPER)
    assert row is not None
    assert row.holder == "new"


async def test_the_row_is_read_once_a_tenure(api: CloudApi) -> None:
    held = Held(1)
    right = Incumbency(api.store, held, "me")
    await right.condition()
    revision = await api.store.revision()
    for _ in range(3):
        await right.condition()
    assert await api.store.revision() == revision
    row = await api.store.find(OFFICES, HOUSEKEEPER)
    assert row is not None
    await api.store.commit([Update(OFFICES, msgspec.structs.replace(row, holder="other"))])
    held.number = 5  # It came to lead once more.
    await right.condition()
    row = await api.store.find(OFFICES, HOUSEKEEPER)
    assert row is not None
    assert row.holder == "me"
