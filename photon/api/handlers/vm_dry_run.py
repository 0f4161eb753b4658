"""What would happen if a VM were asked for: its quota and its place, looked at and not taken."""

from __future__ import annotations

from typing import Any

import msgspec

from photon.api.plane import Plane
from photon.api.quota_room import check_room
from photon.api.route import Call
from photon.api.views.placement import level_view, refusal_view
from photon.api.views.vm import cost_view
from photon.domain.demand import Demand, NoPlacement
from photon.domain.quota import total
from photon.domain.vm import Vm, all_costs
from photon.scheduler.sentence import error_of
from photon.wire.v1.basics import ApiError
from photon.wire.v1.placement import VmDryRun


async def dry_run(plane: Plane, call: Call[Any, Any], vm: Vm, demand: Demand) -> VmDryRun:
    """The caller has checked all that is checked of a VM that is really asked for.

    Raises:
        QuotaExceeded: as the write-set would have.
    """
    cost = total(all_costs(vm))
    check_room(vm.project_id, await plane.store.quota(vm.project_id), cost)
    answer = await plane.scheduler.place(msgspec.structs.replace(demand, dry_run=True))
    call.status = 200
    if isinstance(answer, NoPlacement):
        record = error_of(demand, answer).to_record()
        return VmDryRun(
            kind="vmDryRun",
            fits=False,
            cost=cost_view(cost),
            error=ApiError(record["code"], record["message"], record["data"]),
            refusal=refusal_view(answer),
        )
    return VmDryRun(
        kind="vmDryRun",
        fits=True,
        cost=cost_view(cost),
        host=answer.host_address,
        datastore=answer.datastore_id,
        score=answer.score,
        levels=[level_view(level) for level in reversed(answer.why)],
    )
