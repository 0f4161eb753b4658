"""A root here, its leaves in processes of their own, their hosts behind a third: one is killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random

import msgspec

from photon.agent.drivers.simulated_site import HostShape, SimulatedSite, addresses_of
from photon.agent.journal import MemoryJournal
from photon.agent.local import LocalAgents
from photon.agent.service import AgentService
from photon.agent.simulation import simulate
from photon.agent_client.address import HostAddress
from photon.agent_client.protocol import Agents
from photon.domain.demand import Demand, DiskDemand, NoPlacement, Placement
from photon.domain.guest import GuestDisk, Provision
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from photon.rpc.agent_messages import agent_service
from photon.rpc.network import TcpNetwork
from photon.rpc.server import Server
from photon.scheduler.pace import Pace
from photon.scheduler.remote import RemoteNode
from photon.scheduler.root import Root
from tests.agent.conftest import PaperDoors, a_spec
from tests.kill.program import Program
from tests.scheduler.doors import QUICK, SECONDS, a_remote_door, until
from tests.scheduler.leaf_process import NODE_ID

LEAVES = 2
HOSTS_A_LEAF = 8
VMS = 2_400  # one leaf has room for all of them: 8 x 512
VM_MIB = 512
HOST_MIB = 256 << 10
AT_ONCE = 32
SHAPE = HostShape(memory_mib=HOST_MIB, datastore_shared=False)


def hosts_of(leaf: int) -> list[str]:
    return [f"host-{leaf * HOSTS_A_LEAF + number + 1}" for number in range(HOSTS_A_LEAF)]


@asynccontextmanager
async def an_agent(folder: Path) -> AsyncIterator[tuple[str, Agents]]:
    """Over the wire for the leaves, directly for whoever makes guests."""
    clock = RealClock()
    site = SimulatedSite(clock, SHAPE, journal=MemoryJournal(), captures=folder)
    addresses = addresses_of(LEAVES * HOSTS_A_LEAF)
    simulation = await simulate(addresses, site, PaperDoors(), TimeOrderedIds(clock))
    service = AgentService(simulation.hosts, simulation.reporter, "simulated")
    server = Server(agent_service(), service.handlers())
    endpoint = await server.start(TcpNetwork(), "127.0.0.1:0")
    agents = LocalAgents({endpoint: simulation.agent})
    for number, address in enumerate(addresses, 1):
        await agents.provision(
            endpoint, Provision(f"host-{number}", address, "root", "secret", 16.0, 1.0)
        )
    yield endpoint, agents
    simulation.reporter.end()
    await server.stop(0)


@dataclass
class Run:
    root: Root
    agents: Agents
    endpoint: str
    where: dict[str, str] = field(default_factory=dict)
    refusals: list[NoPlacement] = field(default_factory=list)

    async def create(self, number: int) -> None:
        """As a saga does: place, make, confirm."""
        disk_id = f"boot-{number}"
        demand = Demand(f"vm-{number}", 1, VM_MIB, (DiskDemand(disk_id, 1),))
        answer = await self.root.place(demand)
        if not isinstance(answer, Placement):
            self.refusals.append(answer)
            return
        disk = GuestDisk(disk_id, 1, boot=True, datastore_id=answer.datastore_id)
        spec = msgspec.structs.replace(
            a_spec(demand.id), disks=(disk,), datastore_id=answer.datastore_id
        )
        await self.root.hold(demand, answer)
        host = HostAddress(self.endpoint, answer.host_id)
        await self.agents.create_vm(host, 1, spec)
        await self.root.confirm(demand, answer)
        self.where[demand.id] = answer.host_id

    async def create_all(self, numbers: range) -> None:
        waiting = iter(numbers)

        async def worker() -> None:
            for number in waiting:
                await self.create(number)

        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(worker())


async def start_leaves(stack: AsyncExitStack, folder: Path, agent: str) -> list[Program]:
    programs = []
    for leaf in range(LEAVES):
        program = Program(
            "tests.scheduler.leaf_process",
            folder / f"leaf-{leaf}.log",
            *("--agent", agent, "--listen", "127.0.0.1:0", *hosts_of(leaf)),
        )
        stack.push_async_callback(program.end)
        programs.append(program)
    await asyncio.gather(*(program.start() for program in programs))
    return programs


async def remote_leaf(
    stack: AsyncExitStack, program: Program, leaf: int, pace: Pace = QUICK
) -> RemoteNode:
    endpoint = str(program.ready["listen"])
    door = await stack.enter_async_context(a_remote_door(endpoint, pace=pace))
    node = door.node(NODE_ID, set(hosts_of(leaf)).__contains__, HOSTS_A_LEAF)
    await until(lambda: not node.summary().hosts_silent)
    return node


async def until_free(node: RemoteNode, memory_mib: int) -> None:
    await until(lambda: node.summary().free_memory_mib == memory_mib)


async def test_a_leaf_s_process_is_killed_and_nothing_is_refused_that_the_other_can_take(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        endpoint, agents = await stack.enter_async_context(an_agent(tmp_path))
        programs = await start_leaves(stack, tmp_path, endpoint)
        nodes = [await remote_leaf(stack, program, leaf) for leaf, program in enumerate(programs)]
        run = Run(Root(nodes, Random(1), RealClock()), agents, endpoint)
        await run.create_all(range(VMS // 3))

        middle = asyncio.create_task(run.create_all(range(VMS // 3, VMS)))
        await until(lambda: len(run.where) > VMS // 2)
        assert not middle.done()
        await programs[0].kill()
        killed_at = len(run.where)
        await middle
        assert run.refusals == []
        assert len(run.where) == VMS
        late = list(run.where.values())[killed_at + AT_ONCE :]
        assert set(late) <= set(hosts_of(1)), "nobody places on the hosts of a dead leaf"

        await programs[0].start()
        await until(lambda: not nodes[0].summary().hosts_silent)
        made = Counter(run.where.values())
        for node, leaf in zip(nodes, range(LEAVES), strict=True):
            held_mib = VM_MIB * sum(made[host_id] for host_id in hosts_of(leaf))
            await until_free(node, HOSTS_A_LEAF * HOST_MIB - held_mib)
        await run.create_all(range(VMS, VMS + 100))
        assert run.refusals == []
        assert set(list(run.where.values())[VMS:]) & set(hosts_of(0)), "it takes part again"


async def test_a_leaf_s_process_is_frozen_and_its_hosts_are_used_again_when_it_thaws(
    tmp_path: Path,
) -> None:
    async with AsyncExitStack() as stack:
        endpoint, agents = await stack.enter_async_context(an_agent(tmp_path))
        programs = await start_leaves(stack, tmp_path, endpoint)
        pace = Pace(call_seconds=0.5, poll_wait_ms=500, poll_pause_seconds=0.05)
        nodes = [
            await remote_leaf(stack, program, leaf, pace) for leaf, program in enumerate(programs)
        ]
        run = Run(Root(nodes, Random(1), RealClock()), agents, endpoint)
        os.kill(programs[0].ready["pid"], signal.SIGSTOP)
        await run.create_all(range(300))
        assert run.refusals == []
        assert set(run.where.values()) <= set(hosts_of(1))
        await until(lambda: nodes[0].summary().hosts_silent == HOSTS_A_LEAF)

        os.kill(programs[0].ready["pid"], signal.SIGCONT)
        await until(lambda: not nodes[0].summary().hosts_silent)
        numbers = count(300)
        async with asyncio.timeout(SECONDS):
            while not set(run.where.values()) & set(hosts_of(0)):
                await run.create(next(numbers))
        assert run.refusals == []
