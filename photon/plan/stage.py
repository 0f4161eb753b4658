"""The simulated cloud on which a plan is played, and what can happen to its machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from photon.plan.client import REQUEST_SECONDS, PlanClient
from photon.plan.hosts import HostPlan
from photon.plan.progress import Progress
from photon.plan.provisioning import Ground, Provisioning
from photon.plan.site import STORE_SECONDS
from photon.plan.workload import WorkloadPlan
from photon.simulation.agents import SimulatedAgentProcess
from photon.simulation.requests import Answer
from photon.simulation.world import World


@dataclass(frozen=True, slots=True)
class Stage:
    """`agent_of` is by the address of a host."""

    world: World
    hosts: HostPlan
    workload: WorkloadPlan
    client: PlanClient
    ground: Ground
    agent_of: Mapping[str, SimulatedAgentProcess]

    @property
    def now(self) -> float:
        """Seconds since the simulation began."""
        return self.world.loop.time()

    async def power_off(self, addresses: Iterable[str]) -> None:
        """Guests end, agents are gone, and nobody tells that they are: connections only fall
        silent."""
        for agent in self.agents_of(addresses):
            for driver in agent.drivers.values():
                for guest in await driver.guests():
                    driver.die(guest.vm_id)
            agent.crash(silently=True)

    async def power_on(self, addresses: Iterable[str]) -> None:
        for agent in self.agents_of(addresses):
            await agent.restart()

    def cut_off(self, addresses: Iterable[str]) -> None:
        """Their machines go on, but reach nobody."""
        self.world.network.conditions.dark.update(agent.name for agent in self.agents_of(addresses))

    def reconnect(self, addresses: Iterable[str]) -> None:
        dark = self.world.network.conditions.dark
        dark.difference_update([agent.name for agent in self.agents_of(addresses)])

    def agents_of(self, addresses: Iterable[str]) -> list[SimulatedAgentProcess]:
        """Each once."""
        return list(
            {agent.name: agent for agent in map(self.agent_of.__getitem__, addresses)}.values()
        )


async def set_stage(
    world: World, hosts: HostPlan, workload: WorkloadPlan, progress: Progress
) -> Stage:
    """Starts everything, and has every host provisioned. Raises PlanFailed."""
    await world.start()
    lines = world.store_server.service.conditions
    lines.seconds_min, lines.seconds_max = STORE_SECONDS

    async def ask(
        controller: int, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Answer:
        return await world.request(controller, method, path, body, headers, seconds=REQUEST_SECONDS)

    client = PlanClient(ask, len(world.controllers))
    agent_of = {address: agent for agent in world.agents.values() for address in agent.addresses}
    endpoints = {address: agent.endpoint for address, agent in agent_of.items()}
    progress.stage("hosts", len(hosts.hosts))
    ground = await Provisioning(client, world.store, progress).run(hosts, workload, endpoints)
    return Stage(world, hosts, workload, client, ground, agent_of)
