"""Waiting until every controller of a young cloud knows all of its hosts."""

from __future__ import annotations

import asyncio
from typing import Final

from photon.plan.problems import PlanFailed
from photon.plan.stage import Stage
from photon.plan.vms import capacity_spec_of
from photon.plan.workload import Wants
from photon.wire.v1.capacity import Capacity

# Leaves are divided among controllers, built, and told upwards: some ten seconds, and more with
# more hosts.
SETTLE_SECONDS: Final = 5.0
SETTLE_SECONDS_MAX: Final = 1800.0  # Many times what ten thousand hosts take.


async def settled(stage: Stage) -> None:
    """Returns when each controller, asked in turn, answers for all hosts. Raises PlanFailed."""
    until = stage.now + SETTLE_SECONDS_MAX
    agreeing = 0
    while agreeing < stage.hosts.controllers:
        if stage.now > until:
            raise PlanFailed("the scheduler does not come to know all hosts; report this plan")
        if await _hosts_known(stage) == len(stage.hosts.hosts):
            agreeing += 1
        else:
            agreeing = 0
            await asyncio.sleep(SETTLE_SECONDS)


async def _hosts_known(stage: Stage) -> int:
    path = f"/v1/projects/{stage.ground.project_id}/capacity"
    spec = capacity_spec_of(stage, Wants(stage.workload.flavors[0].name))
    return (await stage.client.post(path, spec, Capacity)).refusal.hosts_asked
