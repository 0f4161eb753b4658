"""How the workload's clients reach the simulated controllers: over the simulated network."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping

from photon.api.route import API_VERSION
from photon.simulation.requests import Lost as Vanished
from photon.simulation.streams import pieces_of
from photon.simulation.world import World
from photon.workload.site import HostOffer, Site
from photon.workload.way import REQUEST_SECONDS, Answer, Lost

HOSTS_LATER = 8  # One host in so many is added while the load runs.


class SimulatedWay:
    """To one controller, in whichever of its lives it is."""

    def __init__(self, world: World, controller: int) -> None:
        self._world = world
        self._controller = controller

    async def request(
        self,
        method: str,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        seconds: float = REQUEST_SECONDS,
    ) -> Answer:
        try:
            answer = await self._world.request(
                self._controller, method, path, body, headers, seconds=seconds
            )
        except Vanished as lost:
            raise Lost(str(lost)) from None
        # The protocol before the short way says this of each of its answers.
        said = {"x-api-version": API_VERSION, **answer.headers}
        return Answer(answer.status, said, answer.body)

    def watch(self, path: str, headers: Mapping[str, str]) -> AsyncGenerator[bytes, None]:
        world = self._world
        return pieces_of(world.clients, world.controllers[self._controller].endpoint, path, headers)


def site_of(world: World) -> Site:
    """What a world offers to the workload."""
    from photon.simulation.agents import CREDENTIALS

    offers = tuple(
        HostOffer(address, agent.endpoint, CREDENTIALS.username, CREDENTIALS.password)
        for agent in world.agents.values()
        for address in agent.addresses
    )
    later = len(offers) // HOSTS_LATER
    return Site(offers, world.size.shape.networks, hosts_at_start=len(offers) - later)
