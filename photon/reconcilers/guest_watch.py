"""Holds what hosts have against what the store says: power states, lost guests, disks, orphans.

A difference counts only when a second look, some time later, still shows it and no task works on
the VM: a report may be older than the task that has just ended.

  seen                                             done
  a guest's power state is not its VM's            the VM gets the guest's
  a VM's guest is not on its host                  VM -> ERROR, until it is there again
  a guest (or disk) belongs to no VM, or to one    removed after ORPHAN_GRACE_SECONDS
  that is elsewhere
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Final

import msgspec

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.agent_client.protocol import Agents
from photon.domain.guest import Guest, GuestState, HostReport, Refusal
from photon.domain.host import Host
from photon.domain.vm import STATE_OF_GUEST, Vm, VmState
from photon.outside.clock import Clock
from photon.reconcilers.debts import Debts
from photon.reconcilers.disk_watch import DiskWatch
from photon.reconcilers.orphans import Orphans
from photon.store.errors import StoreConflict
from photon.store.nouns import HOSTS, MISSING_HOSTS, VMS
from photon.store.protocol import CloudStore, Update

SECOND_LOOK_SECONDS: Final = 1.0  # Longer than the last report of a host can be on its way.
PAGE: Final = 100
AUDIT_SECONDS: Final = 120.0  # Reports tell at once; the audit is for what no report told.
# A page of hosts costs some 60 ms: so the audit takes less than 1 % of a core, however many hosts
# there are, and comes round to 10,000 in a quarter of an hour.
AUDIT_PAGE_SECONDS: Final = 10.0
SUSPECTS_MAX: Final = 100_000  # More than this at once is an outage, which the audit finds too.

log = logging.getLogger(__name__)


class GuestWatch:
    def __init__(
        self, store: CloudStore, agents: Agents, clock: Clock, audited_at_once: int = PAGE
    ) -> None:
        self._store = store
        self._agents = agents
        self._clock = clock
        self._disks = DiskWatch(store)
        self._debts = Debts(store, agents, clock)
        self._suspects: set[str] = set()  # hosts to look at again
        self._orphans = Orphans(store, agents, clock)
        self._audited_at_once = audited_at_once
        self._audited_to: str | None = None  # in the pass that is under way
        self._audit_due = clock.monotonic()  # the next pass

    async def observe(self, report: HostReport) -> None:
        """First look, at what a host reported by itself: cheap, and changes nothing."""
        guests = report.guests
        for start in range(0, len(guests), PAGE):
            page = guests[start : start + PAGE]
            vms = await self._store.find_many(VMS, [guest.vm_id for guest in page])
            if _differ(page, {vm.id: vm for vm in vms}) and len(self._suspects) < SUSPECTS_MAX:
                self._suspects.add(report.host_id)
                return
        if report.gone_guests and len(self._suspects) < SUSPECTS_MAX:
            self._suspects.add(report.host_id)

    async def look_again(self) -> None:
        """Second look, at the hosts that differed. A duty of SECOND_LOOK_SECONDS."""
        suspects, self._suspects = self._suspects, set()
        for host_id in suspects:
            host = await self._store.find(HOSTS, host_id)
            if host is not None:
                await self.audit(host, sweeping=False)

    async def audit_all(self) -> None:
        """Looks at every host, whether it reported a difference or not."""
        after: str | None = None
        while True:
            after = await self._audit_page(after)
            if after is None:
                return

    async def audit_next(self) -> None:
        """The next page of all hosts. A duty of AUDIT_PAGE_SECONDS: what it costs does not grow
        with the cloud; how long it takes to come round does."""
        now = self._clock.monotonic()
        if self._audited_to is None:
            if now < self._audit_due:
                return
            self._audit_due = now + AUDIT_SECONDS
        self._audited_to = await self._audit_page(self._audited_to)

    async def _audit_page(self, after: str | None) -> str | None:
        """Where the next page begins; None: there is none."""
        page = await self._store.page(HOSTS, {}, limit=self._audited_at_once, after=after)
        # Each that is missing would be a call in vain; it is looked at when it comes back.
        rows = await self._store.find_many(MISSING_HOSTS, [host.id for host in page.items])
        missing = {row.id for row in rows}
        for host in page.items:
            if host.id not in missing:
                await self.audit(host, sweeping=True)
        return page.items[-1].id if page.more else None

    async def reconcile(self, host_id: str) -> bool:
        """Audits one host, now; whether it was looked at to the end."""
        host = await self._store.find(HOSTS, host_id)
        return host is not None and await self.audit(host, sweeping=False)

    async def audit(self, host: Host, *, sweeping: bool) -> bool:
        """Brings the store and one host together; whether that came to its end.

        `sweeping` removes orphans whose grace is over. Only the duty that rests while the
        system's background tasks are paused does, so that an operator can keep them.
        """
        if not host.provisioned:
            return False
        try:
            await self._audit(host, sweeping=sweeping)
        except (AgentUnreachable, AgentFaulty, Refusal) as problem:
            # One host that is silent, or will not part with an orphan, must not keep the next
            # one from being looked at.
            log.info("host %s is not audited to the end now: %s", host.id, problem)
            return False
        return True

    async def _audit(self, host: Host, *, sweeping: bool) -> None:
        """The store is read first: what is written names what was read."""
        await self._debts.collect(host.id)
        disks = await self._disks.disks_of(host.id)
        before = {vm.id: vm for vm in await self._vms_of(host.id)}
        inventory = await self._agents.inventory(HostAddress(host.agent_endpoint, host.id))
        guests = {guest.vm_id: guest for guest in inventory.guests}
        kept = {disk.disk_id: disk for disk in inventory.disks}
        for vm in before.values():
            await self._agree(vm, guests.get(vm.id))
        for disk in disks:
            await self._disks.agree(disk, kept.get(disk.id), before)
        orphans = await self._orphans.found(host, inventory, frozenset(before))
        if sweeping:
            await self._orphans.remove_old(host, orphans)

    async def _vms_of(self, host_id: str) -> list[Vm]:
        vms: list[Vm] = []
        after: str | None = None
        while True:
            page = await self._store.page(VMS, {"host_id": host_id}, limit=PAGE, after=after)
            vms += page.items
            if not page.more:
                return vms
            after = page.items[-1].id

    async def _agree(self, vm: Vm, guest: Guest | None) -> None:
        """The VM was read before the guest was asked for, and the write names what was read."""
        if vm.task_id is not None:
            return
        state = VmState.ERROR if guest is None else STATE_OF_GUEST[guest.state]
        if state is vm.state:
            return
        reason = _reason(vm, guest)
        log.warning("VM %s is %s on its host, not %s: %s", vm.id, state, vm.state, reason)
        changed = msgspec.structs.replace(vm, state=state, state_reason=reason)
        try:
            await self._store.commit([Update(VMS, changed)])
        except StoreConflict:
            log.info("VM %s was changed meanwhile; it is looked at again", vm.id)


def _reason(vm: Vm, guest: Guest | None) -> str | None:
    """Why the VM has a state that nobody asked for; None for what needs no word."""
    if guest is None:
        return (
            f"its guest is not on host {vm.host_address} any more; should it be found there "
            "again, the VM is taken back; else delete the VM"
        )
    if guest.state is GuestState.ERROR:
        return f"host {vm.host_address} cannot tell what state its guest is in, or cannot mend it"
    if guest.state is GuestState.STOPPED and vm.state is VmState.STARTED:
        return f"its guest ended on host {vm.host_address}, and nobody had asked for that here"
    return None


def _differ(guests: Iterable[Guest], vms: dict[str, Vm]) -> bool:
    for guest in guests:
        vm = vms.get(guest.vm_id)
        if vm is None:
            return True
        if vm.task_id is None and STATE_OF_GUEST[guest.state] is not vm.state:
            return True
    return False
