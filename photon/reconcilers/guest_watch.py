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
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.agent_client.protocol import Agents
from photon.domain.guest import Guest, GuestState, HostReport, Refusal
from photon.domain.host import Host
from photon.domain.vm import STATE_OF_GUEST, Vm, VmState
from photon.outside.clock import Clock
from photon.reconcilers.conditional_store import ConditionalStore
from photon.reconcilers.debts import Debts
from photon.reconcilers.disk_watch import DiskWatch
from photon.reconcilers.orphans import Orphans, Sightings
from photon.reconcilers.warrant import Warrant, unwarranted
from photon.store.errors import RequirementFailed, StoreConflict
from photon.store.nouns import HOSTS, MISSING_HOSTS, VMS
from photon.store.protocol import CloudStore, Require, Update

SECOND_LOOK_SECONDS: Final = 1.0  # Longer than the last report of a host can be on its way.
PAGE: Final = 100
AUDIT_SECONDS: Final = 120.0  # Reports tell at once; the audit is for what no report told.
# A page of hosts costs some 60 ms: so the audit takes less than 1 % of a core, however many hosts
# there are, and comes round to 10,000 in a quarter of an hour.
AUDIT_PAGE_SECONDS: Final = 10.0
SUSPECTS_MAX: Final = 100_000  # More than this at once is an outage, which the audit finds too.

log = logging.getLogger(__name__)


class GuestWatch:
    """`warrant` is for who looks at hosts because they are its own; an office's duties have a store
    that is bound to the office."""

    def __init__(
        self,
        store: CloudStore,
        agents: Agents,
        clock: Clock,
        audited_at_once: int = PAGE,
        warrant: Warrant = unwarranted,
    ) -> None:
        self._store = store
        self._agents = agents
        self._clock = clock
        self._warrant = warrant
        self._sightings = Sightings()
        self._suspects: set[str] = set()  # hosts to look at again
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
        for host_id in sorted(suspects):
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
        right = self._warrant(host.id)
        if not host.provisioned or right is None:
            return False
        try:
            await self._audit(host, right, sweeping=sweeping)
        except (AgentUnreachable, AgentFaulty, Refusal, RequirementFailed) as problem:
            # One host that is silent, will not part with an orphan, or is another controller's by
            # now, must not keep the next one from being looked at.
            log.info("host %s is not audited to the end now: %s", host.id, problem)
            return False
        return True

    async def _audit(self, host: Host, right: Sequence[Require], *, sweeping: bool) -> None:
        """The store is read first: what is written names what was read."""
        store = _bound(self._store, right)
        watch = DiskWatch(store)
        kept_by = Orphans(store, self._agents, self._clock, self._sightings)
        await Debts(store, self._agents, self._clock).collect(host.id)
        disks = await watch.disks_of(host.id)
        before = {vm.id: vm for vm in await self._vms_of(host.id)}
        inventory = await self._agents.inventory(HostAddress(host.agent_endpoint, host.id))
        guests = {guest.vm_id: guest for guest in inventory.guests}
        kept = {disk.disk_id: disk for disk in inventory.disks}
        for vm in before.values():
            await _agree(store, vm, guests.get(vm.id))
        for disk in disks:
            await watch.agree(disk, kept.get(disk.id), before)
        orphans = await kept_by.found(host, inventory, frozenset(before))
        if sweeping:
            await kept_by.remove_old(host, orphans)

    async def _vms_of(self, host_id: str) -> list[Vm]:
        vms: list[Vm] = []
        after: str | None = None
        while True:
            page = await self._store.page(VMS, {"host_id": host_id}, limit=PAGE, after=after)
            vms += page.items
            if not page.more:
                return vms
            after = page.items[-1].id


async def _agree(store: CloudStore, vm: Vm, guest: Guest | None) -> None:
    """The VM was read before the guest was asked for, and the write names what was read."""
    if vm.task_id is not None:
        return
    state = VmState.ERROR if guest is None else STATE_OF_GUEST[guest.state]
    if state is vm.state:
        return
    reason = _reason(vm, guest)
    changed = msgspec.structs.replace(vm, state=state, state_reason=reason)
    try:
        await store.commit([Update(VMS, changed)])
    except StoreConflict:
        # By a delete, perhaps, for which the guest is gone: nothing to be alarmed at.
        log.info("VM %s was changed meanwhile; it is looked at again", vm.id)
        return
    log.warning("VM %s is %s on its host, not %s: %s", vm.id, state, vm.state, reason)


def _bound(store: CloudStore, right: Sequence[Require]) -> CloudStore:
    async def condition() -> Sequence[Require]:
        return right

    return ConditionalStore(store, condition) if right else store


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
