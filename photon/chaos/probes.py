"""Small clients that never rest: each does one thing again and again, and notes how it went.

They measure; the load beside them is what tries everything. None of them repeats what failed:
what they see is what a client sees that has no patience.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from photon.chaos.attempts import Attempts
from photon.chaos.recovery import AT, Attempt
from photon.outside.clock import Clock
from photon.sdk.client import AsyncClient, Settings
from photon.sdk.errors import ApiProblem, SdkError
from photon.wire.v1.affinity import LocalitySpec
from photon.wire.v1.task import Task
from photon.wire.v1.vm import AttachedDiskCreateSpec, VmCreateSpec

# Ten times what a VM takes on a loaded machine. What takes longer is tried anew, so that the end of
# an outage is not seen much later than it comes.
ATTEMPT_SECONDS_MAX: Final = 8.0
READ_SECONDS_MAX: Final = 3.0  # A read that hangs is asked again elsewhere much sooner.
# Ten a second for all of them together: they must not be the load that they measure.
PAUSE_SECONDS: Final = 0.3
PREPARE_SECONDS_MAX: Final = 120.0
COUNTER: Final = "chaos-count"
LATE_SECONDS: Final = 10.0  # A watch that has not told a change by then has failed.


class StaleRead(Exception):
    """A read that began after a write was acknowledged did not see it."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What probes stand on: names and ids that the cloud was seeded with."""

    project_id: str
    image_id: str
    vm_flavor: str
    boot_flavor: str
    agents: Mapping[str, str]  # the name of an agent's part: the address of one of its hosts


@dataclass
class Probes:
    """`stale` are reads that did not see what was acknowledged before."""

    client: AsyncClient
    controllers: Mapping[str, AsyncClient]  # by the names of their parts
    ground: Ground
    attempts: Attempts
    clock: Clock
    stale: list[str] = field(default_factory=list)
    _written: int = 0
    _acknowledged: int = 0
    _unanswered: set[int] = field(default_factory=set)  # They may have been written, or may yet be.
    _counted: str = ""  # the id of the VM whose metadata are counted up
    _made: int = 0
    _untold: dict[int, float] = field(default_factory=dict)

    async def prepare(self) -> None:
        """One VM for counting, and one on a host of each agent."""
        async with asyncio.timeout(PREPARE_SECONDS_MAX):
            self._counted = (await self._new_vm("count", ())).entity.id
            hosts = self.ground.agents.items()
            asked = [
                self._new_vm(f"on-{agent}", (LocalitySpec(address, "host"),))
                for agent, address in hosts
            ]
            made = await asyncio.gather(*asked)
        self._loops: dict[str, Callable[[], Awaitable[object]]] = {
            "read": lambda: self.client.projects.get(self.ground.project_id),
            "write": self._count_up,
            "create VM": self._create_and_delete,
        }
        for name, client in self.controllers.items():
            self._loops[f"read{AT}{name}"] = partial(self._counted_at, client)
        for (agent, _), task in zip(hosts, made, strict=True):
            self._loops[f"ask a host{AT}{agent}"] = partial(self._ask_host, task.entity.id)
        self.attempts.operations = [*self._loops, "watch"]

    async def run(self) -> None:
        """Until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for operation, attempt in self._loops.items():
                group.create_task(self._again_and_again(operation, attempt))
            group.create_task(self._watch())
            group.create_task(self._miss())

    async def _again_and_again(
        self, operation: str, attempt: Callable[[], Awaitable[object]]
    ) -> None:
        limit = READ_SECONDS_MAX if operation.startswith("read") else ATTEMPT_SECONDS_MAX
        while True:
            began = self.attempts.now()
            problem: str | None = None
            try:
                async with asyncio.timeout(limit):
                    await attempt()
            except TimeoutError:
                problem = f"no answer in {limit:g} s"
            except SdkError as error:
                problem = str(error)
            except StaleRead as error:
                problem = str(error)
                self.stale.append(problem)
            await self._note(operation, began, problem)
            await self.clock.sleep(PAUSE_SECONDS)

    async def _note(self, operation: str, began: float, problem: str | None) -> None:
        await self.attempts.add(Attempt(operation, began, self.attempts.now(), problem))

    async def _count_up(self) -> None:
        self._written += 1
        number = self._written
        self._unanswered.add(number)
        await self.client.vms.set_metadata(self._counted, {COUNTER: str(number)})
        self._unanswered.discard(number)
        self._acknowledged = number
        self._untold[number] = self.attempts.now()

    async def _counted_at(self, client: AsyncClient) -> None:
        acknowledged = self._acknowledged
        vm = await client.vms.get(self._counted)
        seen = int((vm.metadata or {}).get(COUNTER, "0"))
        if seen < acknowledged and seen not in self._unanswered:
            raise StaleRead(
                f"VM {self._counted} was read with count {seen} after {acknowledged} was "
                "acknowledged"
            )

    async def _create_and_delete(self) -> None:
        self._made += 1
        vm = await self._new_vm(f"probe-{self._made}", ())
        deleted = await self.client.vms.delete(vm.entity.id)
        await self.client.tasks.wait(deleted.id, ATTEMPT_SECONDS_MAX)

    async def _new_vm(self, name: str, near: Sequence[LocalitySpec]) -> Task:
        ground = self.ground
        boot = AttachedDiskCreateSpec("boot", ground.boot_flavor, "ephemeral-disk", boot_disk=True)
        spec = VmCreateSpec(
            f"chaos-{name}", ground.vm_flavor, ground.image_id, [boot], affinities=list(near)
        )
        task = await self.client.vms.create(ground.project_id, spec)
        return await self.client.tasks.wait(task.id, ATTEMPT_SECONDS_MAX)

    async def _ask_host(self, vm_id: str) -> None:
        """Its networks: the answer is the host's, and nothing is changed."""
        task = await self.client.vms.networks(vm_id)
        await self.client.tasks.wait(task.id, ATTEMPT_SECONDS_MAX)

    async def _watch(self) -> None:
        """Goes on from where it was, whatever happens in between."""
        since: str | None = None
        while True:
            try:
                watched = self.client.vms.watch(self.ground.project_id, since=since)
                async for event in watched:
                    since = event.position
                    if event.id == self._counted and event.item is not None:
                        await self._told(int((event.item.metadata or {}).get(COUNTER, "0")))
            except ApiProblem as problem:
                if problem.code == "RevisionGone":
                    since = None
            except SdkError:
                pass  # The line broke, or nobody is there: what it misses is noted as late.
            await self.clock.sleep(PAUSE_SECONDS)

    async def _told(self, number: int) -> None:
        if number in self._unanswered and number < self._acknowledged:
            # A late one came last; what it hides may have been told with it, as one change.
            self._untold.clear()
        for each in [each for each in self._untold if each <= number]:
            await self._note("watch", self._untold.pop(each), None)

    async def _miss(self) -> None:
        while True:
            await self.clock.sleep(PAUSE_SECONDS)
            late = self.attempts.now() - LATE_SECONDS
            for each in [each for each, since in self._untold.items() if since < late]:
                since = self._untold.pop(each)
                await self._note("watch", since, f"not told in {LATE_SECONDS:g} s")


def impatient(url: str, ca_file: str | None = None) -> AsyncClient:
    """A client that tries nothing twice."""
    return AsyncClient(url, Settings(ca_file=ca_file, retries_max=0))
