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

# It is the first, or among the few that were made while clocks were wrong.
TASKS_PAGE: Final = 20
_OPERATION: Final = "CREATE_VM"
_STEP: Final = "RESERVE_RESOURCE"
_decode: Final = msgspec.json.Decoder(Placement).decode


async def show_vm_placement(plane: Plane, call: Call[NoQuery, None]) -> VmPlacement:
    """The last choice counts: earlier ones were refused by their hosts."""
    vm = await the_vm(plane, call.id)
    chosen = await _chosen(plane, vm.id)
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


async def _chosen(plane: Plane, vm_id: str) -> list[Placement]:
    """Of the task that made the VM. That is its first; but ids tell time by the clocks of those who
    made them, which may be wrong, so a later task may come before it."""
    where = {"entity_id": vm_id, "entity_kind": EntityKind.VM}
    after: str | None = None
    while True:
        page = await plane.store.page(TASKS, where, limit=TASKS_PAGE, after=after)
        for task in page.items:
            if task.operation == _OPERATION:
                return _placements(task)
        if not page.more:
            return []
        after = page.items[-1].id


def _placements(task: Task) -> list[Placement]:
    return [_decode(result) for step, result in task.results.items() if step.startswith(_STEP)]
