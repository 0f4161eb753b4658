"""Waiting until every controller of a young cloud knows all of its hosts."""

from __future__ import annotations

import asyncio
from typing import Final

from photon.plan.problems import PlanFailed
from photon.plan.stage import Stage
from photon.plan.vms import capacity_spec_of
from photon.plan.workload import Wants
from photon.wire.v1.capacity import Capacity

# Leaves are divided among controllers, built, and told upwards: what hosts have follows a little
# after that they are.
SETTLE_SECONDS: Final = 10.0
SETTLE_SECONDS_MAX: Final = 1800.0  # Many times what thousands of hosts take.

_Answers = list[tuple[int, int]]


async def settled(stage: Stage) -> None:
    """Returns when all controllers say the same of every flavor, twice, and know all hosts.

    Raises PlanFailed: they never do.
    """
    until = stage.now + SETTLE_SECONDS_MAX
    before: _Answers = []
    while stage.now < until:
        await asyncio.sleep(SETTLE_SECONDS)
        answers = await _answers(stage)
        if answers == before and _agree(stage, answers):
            return
        before = answers
    raise PlanFailed(
        "the controllers do not come to agree on the hosts; report this plan, and try it with "
        "--placement-only"
    )


def _agree(stage: Stage, answers: _Answers) -> bool:
    flavors = len(stage.workload.flavors)
    rounds = [answers[at : at + flavors] for at in range(0, len(answers), flavors)]
    return all(each == rounds[0] for each in rounds) and all(
        hosts == len(stage.hosts.hosts) for hosts, _ in answers
    )


async def _answers(stage: Stage) -> _Answers:
    """Of each controller, for each flavor: how many hosts were asked, and how many VMs fit."""
    path = f"/v1/projects/{stage.ground.project_id}/capacity"
    answers = []
    for controller in range(stage.hosts.controllers):
        for flavor in stage.workload.flavors:
            spec = capacity_spec_of(stage, Wants(flavor.name))
            said = await stage.client.post(path, spec, Capacity, controller=controller)
            answers.append((said.refusal.hosts_asked, said.on_hosts))
    return answers
