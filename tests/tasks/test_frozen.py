"""A controller that only seemed dead: what it sent arrives when another has its tasks already.

Its calls are refused by the hosts, its writes by the store, and it undoes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from photon.agent_client.address import HostAddress
from photon.agent_client.protocol import Agents
from photon.domain.guest import AgentRefusal, GuestState, HostMode, Refusal
from photon.domain.vm import VmState
from photon.store.nouns import VMS
from tests.tasks.building import Builder, Client, build_disk, build_site, build_vm, vm_spec
from tests.tasks.fate import Fate
from tests.tasks.life import Life
from tests.tasks.rig import until
from tests.tasks.world import EMPTY, Json, World


@dataclass
class SlowRoad:
    """The road from one controller to its agents: calls of `method` stand still until `open`."""

    agents: Agents
    method: str
    open: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: list[object] = field(default_factory=list)  # what came of each
    underway: int = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.agents, name)
        if name != self.method:
            return call

        async def delayed(*arguments: Any, **named: Any) -> Any:
            self.underway += 1
            await self.open.wait()
            try:
                answer = await call(*arguments, **named)
            except Refusal as refusal:
                self.arrived.append(refusal.code)
                raise
            self.arrived.append(answer)
            return answer

        return delayed


@dataclass
class Stage:
    """A frozen controller and its heir, over one world."""

    world: World
    frozen: Life
    road: SlowRoad
    heir: Life
    client: Client  # of the heir

    async def thaw(self) -> None:
        """What was on its way arrives, and its sender goes on for as long as it may."""
        before = len(self.frozen.fate.events)
        self.road.open.set()
        await until(lambda: not self.frozen.runner.live)
        sent = [event for event in self.frozen.fate.events[before:] if event != "commit"]
        assert sent == [], "a controller that lost its task calls no host"
        assert all(task.ended for task in await self.world.tasks())
        assert await self.world.audit() == []

    async def guests(self) -> list[tuple[str, GuestState]]:
        return [
            (inventory.host_id, guest.state)
            for inventory in await self.world.inventories()
            for guest in inventory.guests
        ]


class Stages:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stage: Stage | None = None

    async def set(
        self, builders: tuple[Builder, ...], method: str, ask: tuple[str, str, Any]
    ) -> Stage:
        """The request was made, its call of `method` is on its way, and its task is adopted."""
        world = World(self._folder / "world", EMPTY)
        await world.open(hosts=2)
        first = await world.live()
        client = Client(first)
        for builder in builders:
            await builder(world, client)
        await client.close()
        await first.end()
        template = await world.written_down()
        world = World(self._folder / "again", template)
        await world.open(hosts=2)
        road = SlowRoad(world.agents, method)
        healthy = await world.live()
        slow = replace(healthy.around, agents=cast(Agents, road))
        frozen = Life(slow, "frozen", Fate())
        await frozen.open()
        asking = Client(frozen)
        path = ask[1].format(**world.names)
        body = vm_spec(world) if ask[2] == "vm" else ask[2] and _filled(ask[2], world)
        await asking.submit(ask[0], path, body)
        await asking.close()
        await until(lambda: road.underway == 1)
        self._stage = Stage(world, frozen, road, healthy, Client(healthy))
        return self._stage

    async def adopted(self) -> None:
        assert self._stage is not None
        assert await self._stage.heir.runner.adopt("frozen") == 1
        await self._stage.heir.finished()

    async def close(self) -> None:
        if self._stage is None:
            return
        await self._stage.client.close()
        await self._stage.heir.end()
        await self._stage.frozen.end()
        await self._stage.world.close()


def _filled(body: Json, world: World) -> Json:
    return {key: str(value).format(**world.names) for key, value in body.items()}


@pytest.fixture
async def stages(tmp_path: Path) -> AsyncIterator[Stages]:
    stages = Stages(tmp_path)
    yield stages
    await stages.close()


CREATE = ("POST", "/v1/projects/{project}/vms", "vm")


async def test_a_late_create_of_what_exists_is_refused(stages: Stages) -> None:
    stage = await stages.set((build_site,), "create_vm", CREATE)
    await stages.adopted()
    [guest] = await stage.guests()
    await stage.thaw()
    assert stage.road.arrived == [AgentRefusal.STALE_FENCE]
    assert await stage.guests() == [guest]


async def test_a_late_create_of_what_was_deleted_makes_nothing(stages: Stages) -> None:
    stage = await stages.set((build_site,), "create_vm", CREATE)
    await stages.adopted()
    [vm] = (await stage.world.store.page(VMS, {}, limit=2)).items
    await stage.client.done("DELETE", f"/v1/vms/{vm.id}")
    await stage.thaw()
    assert stage.road.arrived == [AgentRefusal.STALE_FENCE]
    assert await stage.guests() == []


async def test_a_late_create_on_a_host_that_has_refused_since_makes_no_second_guest(
    stages: Stages,
) -> None:
    stage = await stages.set((build_site,), "create_vm", CREATE)
    placed = next(iter(stage.frozen.leaf.held(stage.world.names["host1"])), None)
    chosen = stage.world.names["host1" if placed else "host2"]
    address = HostAddress("agent.test:8835", chosen)
    await stage.world.agents.set_mode(address, 1_000_000, HostMode.ENTERING_MAINTENANCE)
    await stages.adopted()
    [(host_id, _)] = await stage.guests()
    assert host_id != chosen
    await stage.world.agents.set_mode(address, 1_000_000, HostMode.NORMAL)
    await stage.thaw()
    assert stage.road.arrived == [AgentRefusal.STALE_FENCE]
    assert await stage.guests() == [(host_id, GuestState.STOPPED)]


async def test_a_late_power_operation_does_not_undo_a_later_one(stages: Stages) -> None:
    ask = ("POST", "/v1/vms/{vm}/start", None)
    stage = await stages.set((build_site, build_vm), "power_vm", ask)
    await stages.adopted()
    await stage.client.done("POST", f"/v1/vms/{stage.world.names['vm']}/stop")
    await stage.thaw()
    assert stage.road.arrived == [AgentRefusal.STALE_FENCE]
    [(_, state)] = await stage.guests()
    assert state is GuestState.STOPPED


async def test_a_late_delete_finds_nothing_and_is_no_error(stages: Stages) -> None:
    stage = await stages.set((build_site, build_vm), "delete_vm", ("DELETE", "/v1/vms/{vm}", None))
    await stages.adopted()
    await stage.thaw()
    assert await stage.guests() == []


async def test_a_late_attach_does_not_undo_a_detach(stages: Stages) -> None:
    ask = ("POST", "/v1/vms/{vm}/attach_disk", {"diskId": "{disk}"})
    stage = await stages.set((build_site, build_vm, build_disk), "attach_disk", ask)
    await stages.adopted()
    names = stage.world.names
    body = {"diskId": names["disk"]}
    await stage.client.done("POST", f"/v1/vms/{names['vm']}/detach_disk", body)
    await stage.thaw()
    assert stage.road.arrived == [AgentRefusal.STALE_FENCE]
    vm = await stage.world.store.find(VMS, names["vm"])
    assert vm is not None
    assert (vm.persistent_disks, vm.state) == ((), VmState.STOPPED)
