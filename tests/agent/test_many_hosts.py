"""One process is ten thousand hosts, over a real connection."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

import pytest

from photon.agent_client.address import HostAddress
from photon.agent_client.client import AgentClient
from photon.domain.guest import HostReport
from tests.agent.conftest import a_provision, a_spec
from tests.agent.test_program import Program, client, program

__all__ = ["client", "program"]  # fixtures

HOSTS = 10_000
AT_ONCE = 64
BUSY_HOSTS = 200


async def each(numbers: Iterable[int], do: Callable[[int], Awaitable[object]]) -> None:
    """Several at a time, as a controller does."""
    waiting = iter(numbers)

    async def worker() -> None:
        for number in waiting:
            await do(number)

    await asyncio.gather(*(worker() for _ in range(AT_ONCE)))


@pytest.mark.slow
async def test_one_process_serves_ten_thousand_hosts_whose_heartbeat_is_one_small_answer(
    program: Program, client: AgentClient
) -> None:
    _, ready = await program.start("--hosts", str(HOSTS))
    endpoint = ready.listen
    assert ready.hosts == HOSTS
    await each(range(1, HOSTS + 1), lambda n: client.provision(endpoint, a_provision(n)))

    batch = await client.report(endpoint, "", 0, 0)
    reports: list[HostReport] = list(batch.reports)
    while batch.more:
        batch = await client.report(endpoint, batch.boot_id, batch.cursor, 0)
        reports += batch.reports
    assert len({report.host_id for report in reports}) == HOSTS
    assert batch.hosts is not None
    assert len(batch.hosts) == HOSTS
    # What changed during the tour is told again.
    batch = await client.report(endpoint, batch.boot_id, batch.cursor, 0)
    quiet = await client.report(endpoint, batch.boot_id, batch.cursor, 0)
    assert (quiet.hosts, quiet.reports) == (None, ()), "ten thousand heartbeats in one answer"

    busy = range(1, HOSTS + 1, HOSTS // BUSY_HOSTS)
    await each(
        busy,
        lambda n: client.create_vm(HostAddress(endpoint, f"host-{n}"), 1, a_spec(f"vm-{n}")),
    )
    news = await client.report(endpoint, quiet.boot_id, quiet.cursor, 0)
    assert news.hosts is None
    told = {report.host_id: [guest.vm_id for guest in report.guests] for report in news.reports}
    assert told == {f"host-{n}": [f"vm-{n}"] for n in busy}
