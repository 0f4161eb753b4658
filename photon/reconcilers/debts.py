"""Collects what hosts owe: what was decided of them, or of things on them, while they were missing.

A host that is back pays before it takes anything new (`GuestWatch.reconcile`). This duty is for the
rest: a host that came back in the very moment when it came to owe something, and machines that
were removed while they were missing, which nobody polls any more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.agent_client.protocol import Agents
from photon.domain.debt import Debt, DebtKind
from photon.domain.guest import AgentRefusal, Inventory, PowerOp, Refusal
from photon.outside.clock import Clock
from photon.store.nouns import DEBTS, DISKS, HOSTS, MISSING_HOSTS, VMS
from photon.store.protocol import PAGE_SIZE_MAX, CloudStore, Delete, Reap

DEBTS_SECONDS: Final = 30.0  # So soon a machine that was removed is free for its next owner.
REMOVED_ASKED_AT_ONCE_MAX: Final = 8  # Each that is dead takes the ten seconds of a call in vain.
# A machine that is away for longer than this is not awaited any more; who brings it back must
# wipe it.
KEPT_MS: Final = 30 * 24 * 3600 * 1000
PAGE: Final = 100

# The agent is well and cannot do it now. Any other no means that there is nothing to collect, or
# nothing that asking again would change: what is left there is an orphan then.
_AGAIN: Final = frozenset({AgentRefusal.DRIVER_FAILED, AgentRefusal.BUSY})
# A disk must be off its guest before either can go.
_ORDER: Final = (DebtKind.DETACH, DebtKind.VM, DebtKind.DISK)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Debts:
    store: CloudStore
    agents: Agents
    clock: Clock

    async def collect(self, host_id: str) -> None:
        """All that a host of ours owes.

        Raises:
            AgentUnreachable, AgentFaulty, Refusal: it does not pay all of it now.
        """
        while True:
            where = {"host_id": host_id}
            page = await self.store.page(DEBTS, where, limit=PAGE_SIZE_MAX)
            for kind in _ORDER:
                for debt in page.items:
                    if debt.kind is kind:
                        await self._collect(debt)
            if not page.more:
                return

    async def once(self) -> None:
        """A duty of DEBTS_SECONDS: all debts that are not waiting for a missing host of ours."""
        removed: list[Debt] = []
        after: str | None = None
        while True:
            page = await self.store.page(DEBTS, {}, limit=PAGE, after=after)
            removed += [debt for debt in page.items if debt.kind is DebtKind.HOST]
            await self._look_at([debt for debt in page.items if debt.kind is not DebtKind.HOST])
            if not page.more:
                break
            after = page.items[-1].id
        turns = asyncio.Semaphore(REMOVED_ASKED_AT_ONCE_MAX)
        await asyncio.gather(*(self._clear(debt, turns) for debt in removed))

    async def _look_at(self, debts: Sequence[Debt]) -> None:
        """Of hosts that are there, or were given back: those that are missing pay later."""
        host_ids = sorted({debt.host_id for debt in debts})
        missing = {row.id for row in await self.store.find_many(MISSING_HOSTS, host_ids)}
        ours = {host.id for host in await self.store.find_many(HOSTS, host_ids)}
        for host_id in host_ids:
            if host_id in missing:
                continue
            if host_id not in ours:
                await self._forget_unless_removed(host_id)
                continue
            try:
                await self.collect(host_id)
            except (AgentUnreachable, AgentFaulty, Refusal) as problem:
                log.info("host %s does not pay all its debts now: %s", host_id, problem)

    async def _forget_unless_removed(self, host_id: str) -> None:
        """A host that was given back has nothing. A removed one's debts go with its last."""
        where = {"host_id": host_id}
        if not await self.store.count(DEBTS, {**where, "kind": DebtKind.HOST}):
            page = await self.store.page(DEBTS, where, limit=PAGE)
            await self.store.commit([Reap(DEBTS, debt.id, {}, ()) for debt in page.items])

    async def _collect(self, debt: Debt) -> None:
        host = HostAddress(debt.agent_endpoint, debt.host_id)
        fence = await self.store.revision()
        try:
            match debt.kind:
                case DebtKind.VM:
                    await self.agents.delete_vm(host, fence, debt.thing_id, force=True)
                case DebtKind.DISK:
                    await self.agents.delete_disk(host, fence, debt.thing_id)
                case DebtKind.DETACH:
                    assert debt.vm_id is not None
                    await self._detach(host, fence, debt.vm_id, debt.thing_id)
                case DebtKind.HOST:
                    raise AssertionError("a host that was removed is cleared as a whole")
        except Refusal as refusal:
            if refusal.code in _AGAIN:
                raise
            log.warning("host %s refuses its debt %s: %s", debt.host_address, debt.id, refusal)
        else:
            log.info("host %s paid its debt %s", debt.host_address, debt.id)
        await self.store.commit([Reap(DEBTS, debt.id, {}, ())])

    async def _detach(self, host: HostAddress, fence: int, vm_id: str, disk_id: str) -> None:
        """That the disk is off was acknowledged. A suspend whose outcome nobody knew may be in the
        way of it: then the guest runs for as long as it takes."""
        try:
            await self.agents.detach_disk(host, fence, vm_id, disk_id)
        except Refusal as refusal:
            if refusal.code is not AgentRefusal.WRONG_POWER_STATE:
                raise
            await self.agents.power_vm(host, fence, vm_id, PowerOp.RESUME)
            await self.agents.detach_disk(host, fence, vm_id, disk_id)
            await self.agents.power_vm(host, fence, vm_id, PowerOp.SUSPEND)

    # Machines that were removed

    async def _clear(self, debt: Debt, turns: asyncio.Semaphore) -> None:
        """Removes what is ours and nobody's from a machine that is back, and gives it back."""
        async with turns:
            try:
                await self._give_back(debt)
            except (AgentUnreachable, AgentFaulty):
                if debt.at_ms > self.clock.now_ms() - KEPT_MS:
                    return
                log.warning("the removed host %s is not awaited any more", debt.host_address)
            except Refusal as refusal:
                if refusal.code is not AgentRefusal.HOST_NOT_FOUND:
                    log.warning("the removed host %s is back: %s", debt.host_address, refusal)
                    return
            else:
                log.warning("the removed host %s was back, and is cleared", debt.host_address)
            await self.store.commit([Delete(DEBTS, debt.id)])

    async def _give_back(self, debt: Debt) -> None:
        host = HostAddress(debt.agent_endpoint, debt.host_id)
        fence = await self.store.revision()
        inventory = await self.agents.inventory(host)
        await self._empty(host, inventory)
        await self.agents.deprovision(host, fence)

    async def _empty(self, host: HostAddress, inventory: Inventory) -> None:
        """All but what the store knows: that was never said to be lost."""
        fence = await self.store.revision()
        for start in range(0, len(inventory.guests), PAGE):
            guests = [guest.vm_id for guest in inventory.guests[start : start + PAGE]]
            vms = await self.store.find_many(VMS, guests)
            kept = {vm.id for vm in vms if vm.host_id == host.host_id or vm.task_id is not None}
            for vm_id in guests:
                if vm_id not in kept:
                    await self.agents.delete_vm(host, fence, vm_id, force=True)
        for start in range(0, len(inventory.disks), PAGE):
            disks = [disk.disk_id for disk in inventory.disks[start : start + PAGE]]
            known = {disk.id for disk in await self.store.find_many(DISKS, disks)}
            for disk_id in disks:
                if disk_id not in known:
                    await self.agents.delete_disk(host, fence, disk_id)
