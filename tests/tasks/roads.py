"""Roads to agents on which something goes wrong, beyond what one failed step is."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentUnreachable
from photon.agent_client.protocol import Agents
from photon.domain.guest import AgentRefusal, Refusal


@dataclass
class _FullHosts:
    agents: Agents
    count: int
    full: list[str] = field(default_factory=list)

    async def create_vm(self, host: HostAddress, *arguments: Any, **named: Any) -> Any:
        if host.host_id not in self.full and len(self.full) < self.count:
            self.full.append(host.host_id)
        if host.host_id in self.full:
            raise Refusal(AgentRefusal.NOT_ENOUGH_MEMORY, "This host has filled up meanwhile.")
        return await self.agents.create_vm(host, *arguments, **named)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.agents, name)


def full_hosts(agents: Agents, count: int) -> Agents:
    """The first `count` hosts that are asked for a VM are full, and stay so."""
    return cast(Agents, _FullHosts(agents, count))


@dataclass
class Faults:
    """`broken` calls, by method: what each of the next ends with. A call that is `lost` happens,
    and its answer does not come back."""

    agents: Agents
    broken: dict[str, list[Exception]] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.agents, name)

        async def call(*arguments: Any, **named: Any) -> Any:
            self.calls.append(name)
            if self.broken.get(name):
                raise self.broken[name].pop(0)
            answer = await method(*arguments, **named)
            if self.lost.get(name):
                self.lost[name] -= 1
                raise AgentUnreachable("agent.test", name, "the answer was lost")
            return answer

        return call


def faulty(agents: Agents) -> tuple[Faults, Agents]:
    """The same road twice: as a test arranges it, and as a controller takes it."""
    faults = Faults(agents)
    return faults, cast(Agents, faults)
