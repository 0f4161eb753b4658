"""One agent's line: what it must go on asking for."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentUnreachable
from photon.domain.guest import HostCapacity, HostMode, Inventory, ReportBatch
from photon.outside.clock import RealClock
from photon.reconcilers.host_line import AgentLine, Ears


class _Agents:
    """Silent for the first inventories, as an agent that is frozen; its reports tell no change."""

    def __init__(self, *, silent: int) -> None:
        self._silent = silent
        self.asked = 0

    async def report(self, endpoint: str, boot_id: str, cursor: int, wait_ms: int) -> ReportBatch:
        await asyncio.sleep(0)
        return ReportBatch("boot", 7, ("h",))

    async def inventory(self, host: HostAddress) -> Inventory:
        self.asked += 1
        if self.asked <= self._silent:
            raise AgentUnreachable(host.endpoint, "inventory", "it is frozen")
        return Inventory("h", 5, HostMode.NORMAL, HostCapacity(1, 1, (), (), "simulated"))


class _Believer:
    def __init__(self) -> None:
        self.told = asyncio.Event()

    def report(self, report: object) -> bool:
        self.told.set()
        return True


async def test_a_host_that_was_silent_when_it_joined_is_asked_until_it_tells_all() -> None:
    """Seed 313: a leaf believed for ever that such a host was never heard, and placed nothing."""
    agents, believer = _Agents(silent=2), _Believer()
    nobody = cast(Any, None)
    ears = Ears(cast(Any, agents), cast(Any, believer), nobody, nobody, RealClock())
    line = AgentLine("agent:8835", ears)
    line.join("h", missing=False)
    await line.look("h")
    assert not believer.told.is_set()
    line.open()
    async with asyncio.timeout(10):
        await believer.told.wait()
    assert agents.asked == 3
    await asyncio.gather(*line.close(), return_exceptions=True)
