"""Why a VM is where it is: read from the journal of the task that made it."""

from __future__ import annotations

from typing import Final

import msgspec

from photon.api.found import the_vm
from photon.api.plane import Plane
from photon.api.route import Call, NoQuery
from photon.api.views.placement import level_view
from photon.domain.demand import Placement
from photon.domain.error_catalogue import NotFound
from photon.domain.kinds import EntityKind
from photon.domain.task import Task
from photon.store.nouns import TASKS
from photon.wire.v1.placement import VmPlacement

_STEP: Final = "RESERVE_RESOURCE"
_decode: Final = msgspec.json.Decoder(Placement).decode


async def show_vm_placement(plane: Plane, call: Call[NoQuery, None]) -> VmPlacement:
    """The last choice counts: earlier ones were refused by their hosts."""
    vm = await the_vm(plane, call.id)
    # A VM's first task is the one that made it, and ids ascend.
    where = {"entity_id": vm.id, "entity_kind": EntityKind.VM}
    page = await plane.store.page(TASKS, where, limit=1)
    chosen = [placement for task in page.items for placement in _placements(task)]
    if not chosen:
        raise NotFound(noun="placement of VM", id=vm.id)
    placement = chosen[-1]
    return VmPlacement(
        vm_id=vm.id,
        host=placement.host_address,
        datastore=placement.datastore_id,
        score=placement.score,
        levels=[level_view(level) for level in reversed(placement.why)],
        refusals=[earlier.host_address for earlier in chosen[:-1]],
    )


def _placements(task: Task) -> list[Placement]:
    return [_decode(result) for step, result in task.results.items() if step.startswith(_STEP)]
