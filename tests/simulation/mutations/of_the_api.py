"""What handlers decide, broken on purpose."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from photon.api.handlers import capacity, vm_create
from photon.api.handlers.lookups import usable_image
from photon.api.quota_room import times_within
from photon.controller.system_row import SystemRow
from photon.domain.quota import Amount
from photon.store.nouns import IMAGES
from photon.store.protocol import QuotaRow
from tests.simulation.mutations.mutation import Mutation, Surgery


def share_all_images(surgery: Surgery) -> None:
    async def found(plane: Any, image_id: str, project_id: str) -> Any:
        image = await plane.store.find(IMAGES, image_id)
        own = project_id if image is None else image.project_id or project_id
        return await asked(plane, image_id, own)

    asked = usable_image
    surgery.replace(vm_create, "usable_image", found)


def promise_one_more(surgery: Surgery) -> None:
    def counted(rows: Iterable[QuotaRow], cost: Sequence[Amount]) -> tuple[int, str] | None:
        found = times_within(rows, cost)
        return None if found is None else (found[0] + 1, found[1])

    surgery.replace(capacity, "times_within", counted)


def hear_of_no_pause(surgery: Surgery) -> None:
    surgery.replace(SystemRow, "_heard", lambda self, changes: None)


MUTATIONS: Final = (
    Mutation(
        "share-all-images",
        "calm",
        "a project makes VMs of another project's images",
        share_all_images,
        steps=400,
    ),
    Mutation(
        "promise-one-more",
        "calm",
        "one more VM is said to be within the quota than is",
        promise_one_more,
        quick=True,
    ),
    Mutation(
        "hear-of-no-pause",
        "calm",
        "controllers do not hear that the system is paused",
        hear_of_no_pause,
    ),
)
