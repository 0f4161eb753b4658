"""The auditor: holds the truth of a simulated cloud to its invariants, while it is being hurt.

The truth is the one store, and what every simulated host itself has. Rows are checked in the moment
of each commit, hosts soon after each change, and everything once more when all is quiet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final

import msgspec

from photon.agent.host import AgentHost
from photon.audit.whole import Audit
from photon.domain.guest import GuestState, Inventory
from photon.domain.host import Host
from photon.domain.task import Task
from photon.simulation.agents import SimulatedAgentProcess
from photon.simulation.datastores import SharedSums, disks_on, wrong_claims
from photon.simulation.invariants import Invariant, at_once
from photon.simulation.made import Made, check_maintenance, wrong_books
from photon.simulation.mirror import Mirror
from photon.simulation.promises import Promises
from photon.simulation.terms_kept import TermsKept
from photon.simulation.transport import HTTP
from photon.simulation.undone import check_undone, may_leave
from photon.simulation.world import World
from photon.store.nouns import DEBTS, HOSTS, MISSING_HOSTS, ORPHANS, TASKS, VMS
from photon.store.protocol import Change, CloudStore, Noun
from photon.workload.broken import Broken

LOOK_SECONDS: Final = 0.5  # Hosts that changed are looked at so often.
ALL_SECONDS: Final = 20.0  # And what no change tells of.
# Hosts are looked at in turn, orphans have a time of grace, and debts are asked for again.
QUIET_SECONDS_MAX: Final = 1_800.0
QUIET_LOOK_SECONDS: Final = 10.0
# A sign of life that finds no room comes within 15 s, and 20 s later its reader is cut off; a store
# that does not answer is waited for in between.
READER_SECONDS_MAX: Final = 75.0
RUNNING: Final = (GuestState.STARTED, GuestState.SUSPENDED)
ONE_AT_LEAST: Final = 1


class Auditor:
    """`found` is done with the first violation. `start` comes before the world's."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.mirror = Mirror(world.store, world.loop.time, world.is_member)
        self.found: asyncio.Future[Broken] = world.loop.create_future()
        self._dirty: dict[str, None] = {}  # addresses of hosts
        self._runs_on: dict[str, dict[str, None]] = {}  # by VM, addresses where it runs
        self._runs_at: dict[str, list[str]] = {}  # by address, the VMs that run there
        self._agent_of: dict[str, SimulatedAgentProcess] = {}
        self._stop: Callable[[], None] = lambda: None
        self._mishaps = 0
        self._shared = SharedSums()
        self.graves = Graves()
        self._promises = Promises()
        self.made = Made(self.mirror.rows)
        self.terms = TermsKept(world)
        self.hosts_are_reached = False  # by every call, once

    def start(self) -> None:
        world = self._world
        self._stop = world.store.subscribe(self._heard)
        for agent in world.agents.values():
            self._agent_of |= dict.fromkeys(agent.addresses, agent)
            agent.journal.put = partial(self._put, agent.journal.put)  # type: ignore[method-assign] # the journal is what changes on a host
        world.store_opened = self._opened
        world.step_begun = self._begun

    def close(self) -> None:
        self._stop()

    async def watch(self) -> None:
        """For ever: looks at what changed, and now and then at everything."""
        looks = 0
        while not self.found.done():
            await asyncio.sleep(LOOK_SECONDS)
            looks += 1
            self._guard(self._look_at_hosts)
            self._guard(self.terms.look)
            if looks % round(ALL_SECONDS / LOOK_SECONDS) == 0:
                self._guard(self._look_at_all)

    def _guard(self, check: Any, *args: Any) -> None:
        if self.found.done():
            return
        try:
            check(*args)
        except Broken as broken:
            self.found.set_result(broken)

    # What it hears

    def _heard(self, changes: Sequence[Change]) -> None:
        self._guard(self.mirror.hear, changes)
        self._guard(self.terms.hear, changes)
        if self.hosts_are_reached:
            for change in changes:
                if change.noun == TASKS.name:
                    self._guard(self._check_undone, change.id)

    def _check_undone(self, task_id: str) -> None:
        rows = self.mirror.rows
        task = rows[TASKS.name].get(task_id)
        if task is not None and may_leave(task):
            hosts = [
                at_once(agent.hosts.by_address[address].inventory())
                for address, agent in self._agent_of.items()
            ]
            check_undone(task, rows[VMS.name].get(task.entity_id), hosts)

    def _begun(self, task: Task, step: str) -> None:
        self._guard(self.mirror.check_begun, task, step)

    def _put(self, put: Any, key: str, value: bytes | None) -> None:
        put(key, value)
        address, kind, id = [*key.split("/", 2), "", ""][:3]
        self._dirty[address] = None
        self._guard(self.graves.put, key, value)
        agent = self._agent_of[address]
        if agent.is_started:
            host = agent.hosts.by_address[address]
            self._guard(partial(self.made.put, gone=value is None), host, kind, id)

    def _opened(self, name: str, store: CloudStore) -> None:
        ear = FeedEar(self.mirror.changes, name)
        store.subscribe(lambda changes: self._guard(ear.hear, changes))

    # Hosts

    def _look_at_hosts(self) -> None:
        dirty, self._dirty = self._dirty, {}
        for address in dirty:
            host = self._agent_of[address].hosts.by_address[address]
            inventory = at_once(host.inventory())
            check_capacity(address, host, inventory)
            self._shared.look(address, inventory)
            check_maintenance(host, inventory)
            self._check_where(address, inventory)

    def _check_where(self, address: str, inventory: Inventory) -> None:
        for vm_id in self._runs_at.pop(address, ()):
            self._runs_on[vm_id].pop(address, None)
        running = [guest.vm_id for guest in inventory.guests if guest.state in RUNNING]
        self._runs_at[address] = running
        rows = self.mirror.rows[VMS.name]
        for vm_id in running:
            on = self._runs_on.setdefault(vm_id, {})
            on[address] = None
            if len(on) > ONE_AT_LEAST:
                text = f"VM {vm_id} runs on the hosts {', '.join(on)}"
                raise Broken(Invariant.RUNS_ON_ONE_HOST, text, vm_id)
            vm = rows.get(vm_id)
            if vm is not None and vm.host_address not in (None, address):
                text = f"VM {vm_id} is on host {vm.host_address}, and runs on {address}"
                raise Broken(Invariant.RUNS_ON_ONE_HOST, text, vm_id)

    # Everything

    def _look_at_all(self) -> None:
        self.mirror.check_all_quotas()
        worked_on = {task.entity_id for task in self.mirror.open_tasks()}
        for controller in self._world.controllers:
            program = controller.program
            if program is not None:
                top = program.tree.top
                for wrong in top.audit():
                    raise Broken(Invariant.BOOKS_ADD_UP, f"{controller.name}: {wrong}")
                self._promises.look(program.id, top, worked_on, self._world.loop.time())
        self._check_readers()
        self.check_mishaps()

    def _check_readers(self) -> None:
        """A stream that nobody reads is cut off, once its controller could do it."""
        world = self._world
        service = world.store_server.service
        for end in world.network.ends():
            process = end.process
            if end.manner is not HTTP or not end.writer_waits or process.frozen:
                continue
            since = max(end.waits_since, process.thawed_at, service.well_since())
            waited = world.loop.time() - since
            if waited > READER_SECONDS_MAX and not service.is_cut(process.name):
                text = f"a stream of {process.name} has waited {waited:.0f} s for who reads it"
                raise Broken(Invariant.SLOW_READERS_ARE_CUT, text)

    def check_mishaps(self) -> None:
        mishaps = self._world.loop.mishaps
        if mishaps:
            raise Broken(Invariant.NO_MISHAP, mishaps[0])

    # The end

    async def become_quiet(self) -> None:
        """When nothing fails any more, within a bounded time nothing is left to do.

        Raises Broken.
        """
        until = self._world.loop.time() + QUIET_SECONDS_MAX
        while left := await self._left_to_do():
            if self.found.done():
                raise self.found.result()
            if self._world.loop.time() > until:
                raise Broken(Invariant.BECOMES_QUIET, f"to the end, {left[0]}", *left[1:])
            await asyncio.sleep(QUIET_LOOK_SECONDS)

    async def _left_to_do(self) -> tuple[str, ...]:
        """Something that is not over, and what it is about; empty when all is."""
        store = self._world.store
        for task in self.mirror.open_tasks():
            return f"task {task.id} of {task.operation} is {task.state}", task.id, task.entity_id
        nouns: tuple[Noun[Any], ...] = (MISSING_HOSTS, DEBTS, ORPHANS)
        for noun in nouns:
            page = await store.page(noun, {}, limit=ONE_AT_LEAST)
            for row in page.items:
                return f"{noun.name} has {row}", row.id
        for violation in await self._violations():
            return f"{violation.rule}: {violation.text}", violation.id
        return self._wrong_beliefs() or self._wrong_claims()

    async def _violations(self) -> list[Any]:
        async def inventory_of(host: Host) -> Inventory | None:
            agent = self._agent_of.get(host.address)
            return None if agent is None else await agent.hosts.by_address[host.address].inventory()

        async def living() -> frozenset[str]:
            programs = [controller.program for controller in self._world.controllers]
            return frozenset(program.id for program in programs if program is not None)

        return await Audit(self._world.store, inventory_of, living).once()

    def _wrong_beliefs(self) -> tuple[str, ...]:
        """Each host is held by one leaf, and that believes what is so."""
        for host in self.mirror.rows[HOSTS.name].values():
            if not host.provisioned:
                continue
            agent_host = self._agent_of[host.address].hosts.by_address[host.address]
            inventory = at_once(agent_host.inventory())
            if wrong := wrong_books(agent_host, inventory):
                return wrong, host.id
            there = {guest.vm_id for guest in inventory.guests}
            there |= {disk.disk_id for disk in inventory.disks}
            believed = self._believed(host.id)
            if believed is not None and believed != there:
                text = f"host {host.id} has {sorted(there)}, and {sorted(believed)} is believed"
                return text, host.id, *sorted(there ^ believed)
        return ()

    def _wrong_claims(self) -> tuple[str, ...]:
        hosts = [
            (address, at_once(agent.hosts.by_address[address].inventory()))
            for address, agent in self._agent_of.items()
        ]
        return wrong_claims(self._world.shared, hosts)

    def _believed(self, host_id: str) -> set[str] | None:
        for controller in self._world.controllers:
            program = controller.program
            if program is not None and program.tree.top.leaf_of(host_id) is not None:
                return set(program.tree.top.held(host_id))
        return None


class Graves:
    """What hosts have deleted, by which decision: what was decided before makes it no more."""

    def __init__(self) -> None:
        self._graves: dict[tuple[str, str], int] = {}  # fences, by address and id
        self._fences: dict[tuple[str, str], int] = {}

    def put(self, key: str, value: bytes | None) -> None:
        """Something was written into a host's journal. Raises Broken."""
        address, kind, id = [*key.split("/", 2), "", ""][:3]
        match kind:
            case "tombstone" if value is None:
                self._graves.pop((address, id), None)
            case "tombstone":
                self._graves[address, id] = int(msgspec.json.decode(value or b"[0]")[0])
            case "fence" if value is not None:
                self._fences[address, id] = int(value)
            case "vm" | "disk" if value is not None:
                grave, fence = self._graves.get((address, id)), self._fences.get((address, id), 0)
                if grave is not None and fence <= grave:
                    text = (
                        f"{kind} {id} was deleted on {address} by {grave}, and is back by {fence}"
                    )
                    raise Broken(Invariant.DEAD_STAYS_DEAD, text, id)


class FeedEar:
    """Hears what one controller's store tells, in one of its lives: the truth, from somewhere on,
    with nothing left out, nothing twice, and in order."""

    def __init__(self, truth: list[Change], name: str) -> None:
        self._truth = truth
        self._name = name
        self._at: int | None = None  # the place of the next change

    def hear(self, changes: Sequence[Change]) -> None:
        if not changes:
            return
        if self._at is None:
            self._at = self._truth.index(changes[0])
        told = self._truth[self._at : self._at + len(changes)]
        for heard, true in zip(changes, told, strict=False):
            if heard != true:
                text = f"{self._name} was told {heard}, and {true} comes next"
                raise Broken(Invariant.FEED_IS_WHOLE, text, heard.id, true.id)
        self._at += len(changes)


def check_capacity(address: str, host: AgentHost, inventory: Inventory) -> None:
    """What a host holds is at most what it has. Raises Broken."""
    capacity, guests = inventory.capacity, inventory.guests
    gib = {id: sum(disks.values()) for id, disks in disks_on(inventory).items()}
    sums = [
        ("vCPUs", sum(g.cpus for g in guests), int(capacity.cpus * capacity.cpu_overcommit)),
        (
            "MiB",
            sum(guest.memory_mib for guest in guests),
            int(capacity.memory_mib * capacity.memory_overcommit),
        ),
        *((f"GiB on {d.id}", gib.get(d.id, 0), d.capacity_gib) for d in capacity.datastores),
    ]
    for what, held, limit in sums:
        if host.is_owned and held > limit:
            text = f"host {address} holds {held} {what} and has {limit}"
            raise Broken(Invariant.HELD_WITHIN_CAPACITY, text, inventory.host_id)
