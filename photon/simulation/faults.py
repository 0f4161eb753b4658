"""What a fault is made with, and what it is once it is made.

Its kinds are in photon.simulation.faults_*, one function each; one that answers None finds nobody
now to whom it could happen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, TypeVar

from photon.agent.drivers.simulated import SimulatedDriver
from photon.simulation.agents import SimulatedAgentProcess
from photon.simulation.controller import SimulatedController
from photon.simulation.requests import CLIENT
from photon.simulation.world import World

Machine = SimulatedController | SimulatedAgentProcess
T = TypeVar("T")

ARMED_SECONDS: Final = 30.0  # Whoever did not commit or speak for so long is not waited for.


@dataclass(frozen=True, slots=True)
class Target:
    """Whom it happens to, what is told of it, and how it goes."""

    names: Mapping[str, None]
    act: Callable[[], Awaitable[None]]
    told: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """What a fault is made with. `wait` answers False when the end came before."""

    world: World
    random: Random
    busy: frozenset[str] | set[str]
    wait: Callable[[float], Awaitable[bool]]

    def seconds(self, least: float, most: float) -> float:
        return round(self.random.uniform(least, most), 3)

    def one_of(self, machines: Sequence[T], name: Callable[[T], str]) -> T | None:
        free = [machine for machine in machines if name(machine) not in self.busy]
        return self.random.choice(free) if free else None

    def controller(self) -> SimulatedController | None:
        living = [c for c in self.world.controllers if c.alive and not c.frozen]
        return self.one_of(living, name_of)

    def agent(self) -> SimulatedAgentProcess | None:
        living = [a for a in self.world.agents.values() if a.alive and not a.frozen]
        return self.one_of(living, name_of)

    def machine(self) -> Machine | None:
        """A controller as often as an agent, though there are fewer."""
        return self.controller() if self.random.random() < 0.5 else self.agent()

    def host(self) -> tuple[SimulatedAgentProcess, SimulatedDriver] | None:
        agent = self.agent()
        if agent is None:
            return None
        return agent, agent.drivers[self.random.choice(agent.addresses)]

    def names(self) -> list[str]:
        """Of all machines, the clients' included."""
        world = self.world
        return [CLIENT, *[c.name for c in world.controllers], *world.agents]


Make = Callable[[Fault], Target | None]


def name_of(machine: Machine) -> str:
    return machine.name


def on(name: str) -> Mapping[str, None]:
    return {name: None}


def at_once(act: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    """Of what is over as soon as it is done."""

    async def acting() -> None:
        act()

    return acting
