"""Asks for a VM every other second, and notes when the cloud makes VMs again as it should."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from photon.plan.balancer import Balancer
from photon.plan.client import PlanClient
from photon.plan.problems import PlanFailed
from photon.plan.result import Probes
from photon.plan.stage import Stage
from photon.plan.vms import delete_vm, make_vm, numbered, spec_of
from photon.plan.workload import Wants
from photon.simulation.requests import Answer

PROBE_SECONDS: Final = 2.0  # So precisely is it known since when VMs are made again.
# Who hears nothing for so long asks somebody else.
REQUEST_SECONDS: Final = 10.0
WAIT_SECONDS: Final = 5.0
# Beyond what a create and its image take: a create that had to wait for nothing else.
SLACK_SECONDS: Final = 5.0
# What was asked for before the end is waited for so long, and then has failed.
LAST_SECONDS: Final = 60.0


@dataclass(slots=True)
class _Probe:
    at: float
    answered_at: float | None = None
    made: bool = False
    failed: bool = False


class Prober:
    """Begins when it is made."""

    def __init__(self, stage: Stage) -> None:
        async def ask(
            controller: int, method: str, path: str, body: bytes, headers: Mapping[str, str]
        ) -> Answer:
            return await stage.world.request(
                controller, method, path, body, headers, seconds=REQUEST_SECONDS
            )

        self._balancer = Balancer(stage)
        client = PlanClient(
            ask,
            stage.hosts.controllers,
            "probe",
            wait_seconds=WAIT_SECONDS,
            usable=self._balancer.usable,
        )
        self._stage = replace(stage, client=client)
        times = stage.hosts.times
        self._usual_seconds = times.create + times.image + SLACK_SECONDS
        flavors = stage.workload.flavors
        smallest = min(flavors, key=lambda flavor: (flavor.memory_mib, flavor.cpus, flavor.name))
        self._wants = Wants(smallest.name)
        self._next_name = numbered("probe")
        self._began = stage.now
        self._probes: list[_Probe] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._may_ask = asyncio.Event()
        self._may_ask.set()
        self._asking = asyncio.create_task(self._ask())

    def answered_since(self, at: float) -> float | None:
        """When the first of those was answered that were asked for from then on."""
        ends = [each.answered_at for each in self._probes if each.at >= at]
        return min((end for end in ends if end is not None), default=None)

    def pause(self) -> None:
        """Asks for nothing until `resume`, since that would take room from others."""
        self._may_ask.clear()

    def resume(self) -> None:
        self._may_ask.set()

    async def close(self) -> Probes:
        self._asking.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=LAST_SECONDS)
        for task in self._tasks:  # any order: all are cancelled before one of them runs
            task.cancel()
        self._balancer.close()
        first = self.answered_since(self._began)
        return Probes(
            asked=len(self._probes),
            made=sum(each.made for each in self._probes),
            failed=sum(each.answered_at is None or each.failed for each in self._probes),
            first_after=self._since(first),
            steady_after=self._since(self._steady_at()),
            slowest=round(max((self._took(each) for each in self._probes), default=0.0), 3),
        )

    async def _ask(self) -> None:
        while True:
            await self._may_ask.wait()
            task = asyncio.create_task(self._one())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            await asyncio.sleep(PROBE_SECONDS)

    async def _one(self) -> None:
        stage = self._stage
        probe = _Probe(stage.now)
        self._probes.append(probe)
        try:
            made = await make_vm(stage, spec_of(stage, self._next_name(), self._wants))
        except PlanFailed:  # nobody answered, for as long as anybody would ask
            probe.failed = True
            return
        probe.failed = made.error is not None and not made.no_room
        probe.made = made.error is None
        if not probe.failed:  # That there is no room is an answer.
            probe.answered_at = stage.now
        if probe.made:
            await delete_vm(stage, made.vm_id)

    def _took(self, probe: _Probe) -> float:
        end = self._stage.now if probe.answered_at is None else probe.answered_at
        return end - probe.at

    def _steady_at(self) -> float | None:
        """When the first was answered from which on all were, in the usual time."""
        steady: float | None = None
        for probe in reversed(self._probes):
            if probe.answered_at is None or self._took(probe) > self._usual_seconds:
                break
            steady = probe.answered_at
        return steady

    def _since(self, at: float | None) -> float | None:
        return None if at is None else round(at - self._began, 3)
