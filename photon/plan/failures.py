"""What a drill takes away, and gives back: racks, zones, an agent, a controller, the store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from photon.plan.kinds import AGENT, CONTROLLER, RACK, ZONE
from photon.plan.stage import Stage


class Failure(Protocol):
    """`addresses` are the hosts that are gone with it; `loses_guests`: their guests end."""

    @property
    def addresses(self) -> tuple[str, ...]: ...
    @property
    def loses_guests(self) -> bool: ...
    async def strike(self) -> None: ...
    async def heal(self) -> None: ...


def failure_of(stage: Stage, kind: str, name: str) -> Failure:
    if kind in (RACK, ZONE):
        return _PowerOff(stage, stage.hosts.addresses(kind, name))
    if kind == AGENT:
        return _AgentDies(stage, (name,))
    if kind == CONTROLLER:
        return _ControllerDies(stage, name)
    return _StoreGoesAway(stage)


@dataclass(frozen=True, slots=True)
class _PowerOff:
    stage: Stage
    addresses: tuple[str, ...]
    loses_guests: bool = True

    async def strike(self) -> None:
        await self.stage.power_off(self.addresses)

    async def heal(self) -> None:
        await self.stage.power_on(self.addresses)


@dataclass(frozen=True, slots=True)
class _AgentDies:
    """The program alone: its machine answers that nobody listens, and its guests run on."""

    stage: Stage
    addresses: tuple[str, ...]
    loses_guests: bool = False

    async def strike(self) -> None:
        for agent in self.stage.agents_of(self.addresses):
            agent.crash()

    async def heal(self) -> None:
        for agent in self.stage.agents_of(self.addresses):
            await agent.restart()


@dataclass(frozen=True, slots=True)
class _ControllerDies:
    """Killed with its machine, so that nobody says that it is gone."""

    stage: Stage
    name: str
    addresses: tuple[str, ...] = ()
    loses_guests: bool = False

    async def strike(self) -> None:
        [controller] = [each for each in self.stage.world.controllers if each.name == self.name]
        controller.crash(silently=True)

    async def heal(self) -> None:
        [controller] = [each for each in self.stage.world.controllers if each.name == self.name]
        controller.begin_again()


@dataclass(frozen=True, slots=True)
class _StoreGoesAway:
    stage: Stage
    addresses: tuple[str, ...] = ()
    loses_guests: bool = False

    async def strike(self) -> None:
        self.stage.world.store_server.service.go_away()

    async def heal(self) -> None:
        self.stage.world.store_server.service.come_back()
