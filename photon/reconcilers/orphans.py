"""What is on a host and belongs to nobody there: written down when it is seen, removed after a
time of grace, and forgotten when it is gone or has found its owner.

Nothing that a task may still be making is an orphan: its VM or disk has a row, and a lock. Of a VM
that is on two hosts, the guest that the store does not name is one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final

from photon.agent_client.address import HostAddress
from photon.agent_client.protocol import Agents
from photon.domain.guest import AgentRefusal, Inventory, Refusal
from photon.domain.host import Host
from photon.domain.kinds import EntityKind
from photon.domain.orphan import ORPHAN_GRACE_SECONDS, Orphan
from photon.domain.vm import Vm
from photon.outside.clock import Clock
from photon.store.nouns import DISKS, HOSTS, ORPHANS, VMS
from photon.store.protocol import PAGE_SIZE_MAX, CloudStore, Insert, Reap

ORPHANS_A_HOST_MAX: Final = 200  # Written down at once, two writes each; the rest follows.
PAGE: Final = 100
REMOVED_SECONDS: Final = 600.0  # How soon the list forgets hosts that are gone.
SIGHTINGS_MAX: Final = 100_000  # About 20 MiB. Beyond, the grace of the oldest begins anew.

log = logging.getLogger(__name__)


class Sightings:
    """How long this process has known each orphan, by a clock that nobody sets: the machine that
    wrote it down may have a wrong one, and the row may come from a backup."""

    def __init__(self) -> None:
        self._since: dict[tuple[str, int], float] = {}  # of each row, in seconds; oldest first

    def see(self, orphan: Orphan, now: float) -> None:
        self._since.setdefault((orphan.id, orphan.since_ms), now)
        if len(self._since) > SIGHTINGS_MAX:
            del self._since[next(iter(self._since))]

    def seconds(self, orphan: Orphan, now: float) -> float:
        return now - self._since.get((orphan.id, orphan.since_ms), now)

    def forget(self, orphan: Orphan) -> None:
        self._since.pop((orphan.id, orphan.since_ms), None)


@dataclass(frozen=True, slots=True)
class Orphans:
    store: CloudStore
    agents: Agents
    clock: Clock
    sightings: Sightings = field(default_factory=Sightings)

    async def found(
        self, host: Host, inventory: Inventory, known: AbstractSet[str]
    ) -> list[Orphan]:
        """All of the host, as they are written down now; those that were seen before first.

        `known`: the VMs that were on the host before it was asked.
        """
        seen = {
            orphan.id: orphan
            for orphan in (
                *await self._guests(host, inventory, known),
                *await self._disks(host, inventory),
            )
        }
        page = await self.store.page(ORPHANS, {"host_id": host.id}, limit=PAGE_SIZE_MAX)
        await self._forget(orphan for orphan in page.items if orphan.id not in seen)
        old = [orphan for orphan in page.items if orphan.id in seen]
        stored = {orphan.id for orphan in old}
        # Never more than one page of a host, so that none of them is taken for a new one.
        room = min(ORPHANS_A_HOST_MAX, PAGE_SIZE_MAX - len(page.items))
        new = [orphan for id, orphan in seen.items() if id not in stored][:room]
        await self._write_down(new)
        for orphan in (*old, *new):
            self.sightings.see(orphan, self.clock.monotonic())
        return [*old, *new]

    async def remove_old(self, host: Host, orphans: Sequence[Orphan]) -> None:
        """Those whose grace is over: for so long whoever removes must have known them itself.

        Raises:
            AgentUnreachable, AgentFaulty: the host does not answer.
            Refusal: it does not part with one of them now; it was asked for all others, too.
        """
        now = self.clock.monotonic()
        refusals: list[Refusal] = []
        for orphan in orphans:
            if self.sightings.seconds(orphan, now) >= ORPHAN_GRACE_SECONDS:
                try:
                    await self._remove(host, orphan)
                except Refusal as refusal:
                    refusals.append(refusal)
        if refusals:
            raise refusals[0]

    async def forget_removed(self) -> None:
        """A duty of REMOVED_SECONDS: orphans of hosts that are no more are nobody's concern."""
        after: str | None = None
        while True:
            page = await self.store.page(ORPHANS, {}, limit=PAGE, after=after)
            ids = sorted({orphan.host_id for orphan in page.items})
            there = {host.id for host in await self.store.find_many(HOSTS, ids)}
            await self._forget(orphan for orphan in page.items if orphan.host_id not in there)
            if not page.more:
                return
            after = page.items[-1].id

    async def _guests(
        self, host: Host, inventory: Inventory, known: AbstractSet[str]
    ) -> list[Orphan]:
        strange = [guest.vm_id for guest in inventory.guests if guest.vm_id not in known]
        orphans: list[Orphan] = []
        for start in range(0, len(strange), PAGE):
            page = strange[start : start + PAGE]
            vms = {vm.id: vm for vm in await self.store.find_many(VMS, page)}
            orphans += [
                self._orphan(host, EntityKind.VM, vm_id, why)
                for vm_id in page
                if (why := _why(vms.get(vm_id), host.id))
            ]
        return orphans

    async def _disks(self, host: Host, inventory: Inventory) -> list[Orphan]:
        on_host = [disk.disk_id for disk in inventory.disks]
        orphans: list[Orphan] = []
        for start in range(0, len(on_host), PAGE):
            page = on_host[start : start + PAGE]
            ours = {disk.id for disk in await self.store.find_many(DISKS, page)}
            orphans += [
                self._orphan(host, EntityKind.PERSISTENT_DISK, disk_id, "there is no such disk")
                for disk_id in page
                if disk_id not in ours
            ]
        return orphans

    def _orphan(self, host: Host, kind: EntityKind, thing_id: str, why: str) -> Orphan:
        id = Orphan.id_of(host.id, thing_id)
        return Orphan(id, host.id, host.address, kind, thing_id, why, self.clock.now_ms())

    async def _write_down(self, orphans: Sequence[Orphan]) -> None:
        if orphans:
            for orphan in orphans:
                log.warning(
                    "the %s %s on host %s is an orphan: %s; it is removed in %d s",
                    orphan.kind,
                    orphan.thing_id,
                    orphan.host_address,
                    orphan.why,
                    ORPHAN_GRACE_SECONDS,
                )
            writes = [Reap(ORPHANS, orphan.id, {}, ()) for orphan in orphans]
            await self.store.commit([*writes, *(Insert(ORPHANS, orphan) for orphan in orphans)])

    async def _forget(self, orphans: Iterable[Orphan]) -> None:
        gone = list(orphans)
        if gone:
            await self.store.commit([Reap(ORPHANS, orphan.id, {}, ()) for orphan in gone])
        for orphan in gone:
            self.sightings.forget(orphan)

    async def _remove(self, host: Host, orphan: Orphan) -> None:
        """Looks once more first: in a long list, much may have happened since it was made."""
        fence = await self.store.revision()
        address = HostAddress(host.agent_endpoint, host.id)
        if orphan.kind is EntityKind.VM:
            if not _why(await self.store.find(VMS, orphan.thing_id), host.id):
                return
            await self.agents.delete_vm(address, fence, orphan.thing_id, force=True)
        else:
            if await self.store.find(DISKS, orphan.thing_id) is not None:
                return
            await self._delete_disk(address, fence, orphan.thing_id)
        log.warning(
            "the orphan %s %s on host %s is removed",
            orphan.kind,
            orphan.thing_id,
            orphan.host_address,
        )
        await self._forget([orphan])

    async def _delete_disk(self, address: HostAddress, fence: int, disk_id: str) -> None:
        """Takes it from its guest first: a guest of ours, perhaps, that had no such disk when the
        store was backed up which was then restored."""
        try:
            await self.agents.delete_disk(address, fence, disk_id)
        except Refusal as refusal:
            vm_id = refusal.facts.get("vm_id")
            if refusal.code is not AgentRefusal.DISK_ATTACHED or vm_id is None:
                raise
            await self.agents.detach_disk(address, fence, vm_id, disk_id)
            await self.agents.delete_disk(address, fence, disk_id)


def _why(vm: Vm | None, host_id: str) -> str:
    """Why the guest of this VM is an orphan on this host; empty when it is none."""
    if vm is None:
        return "there is no such VM"
    if vm.task_id is not None or vm.host_id == host_id:
        return ""
    return f"its VM is on host {vm.host_address}" if vm.host_id else "its VM is on no host"
