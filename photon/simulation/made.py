"""What comes to be on hosts: chosen before it was made, where it was asked for, and not where an
operator wants nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from photon.agent.host import AgentHost
from photon.domain.affinity import AffinityKind
from photon.domain.guest import HostMode, Inventory
from photon.domain.host import Host, HostState
from photon.domain.task import Task
from photon.domain.vm import Vm
from photon.simulation.invariants import Invariant
from photon.store.nouns import DISKS, TASKS, VMS
from photon.workload.broken import Broken

# A choice may rest on what was known of a host so long before: the store was away meanwhile.
KNOWN_SECONDS: Final = 120.0
KNOWN_AT_ONCE_SECONDS: Final = 5.0  # And where nothing ever is away.
_MAKING: Final = {"vm": (VMS.name, "CREATE_VM"), "disk": (DISKS.name, "CREATE_DISK")}

Rows = Mapping[str, Mapping[str, Any]]  # by noun and id


@dataclass(slots=True)
class Made:
    """`rows` are the truth's, as they are now."""

    rows: Rows
    _there: set[tuple[str, str]] = field(default_factory=set)  # by address and id

    def put(self, host: AgentHost, kind: str, id: str, *, gone: bool) -> None:
        """Something was written into the journal of a host. Raises Broken."""
        if kind not in _MAKING:
            return
        if gone:
            self._there.discard((host.address, id))
        elif (host.address, id) not in self._there:
            self._there.add((host.address, id))
            self._check_chosen(host, kind, id)

    def _check_chosen(self, host: AgentHost, kind: str, id: str) -> None:
        """The choice of a host is durable before anything is made there: whoever goes on with the
        task must know where to look."""
        noun, operation = _MAKING[kind]
        row = self.rows[noun].get(id)
        task: Task | None = None if row is None else self.rows[TASKS.name].get(row.task_id or "")
        if task is None or task.ended or task.operation != operation:
            return  # It comes late, and is somebody else's to judge.
        chosen = host.host_id.encode()
        if not any(chosen in bytes(result) for result in task.results.values()):
            text = f"{kind} {id} is made on {host.address}, which task {task.id} has not chosen yet"
            raise Broken(Invariant.CHOSEN_BEFORE_MADE, text, id, task.id)


def wrong_books(host: AgentHost, inventory: Inventory) -> str:
    """How a host on which nothing is under way holds other than what it has; empty if it does
    not."""
    held = (host.held.cpus, host.held.memory_mib)
    there = (sum(g.cpus for g in inventory.guests), sum(g.memory_mib for g in inventory.guests))
    if held == there:
        return ""
    return f"host {host.address} holds {held} vCPUs and MiB, and its guests have {there}"


def check_maintenance(host: AgentHost, inventory: Inventory) -> None:
    """Raises Broken."""
    if host.mode is HostMode.MAINTENANCE and inventory.guests:
        guests = ", ".join(guest.vm_id for guest in inventory.guests)
        text = f"host {host.address} is in maintenance, and has {guests}"
        raise Broken(Invariant.MAINTENANCE_IS_EMPTY, text, inventory.host_id)


@dataclass(slots=True)
class Whereabouts:
    """In which zone each host has been, and since when it takes nothing new."""

    seconds: Callable[[], float]
    known_seconds: float = KNOWN_SECONDS
    _since: dict[str, list[tuple[float, str | None]]] = field(default_factory=dict)
    _closed: dict[str, float] = field(default_factory=dict)  # by host
    _asked: dict[str, float] = field(default_factory=dict)  # by VM, when it was

    def put_host(self, host: Host) -> None:
        known = self._since.setdefault(host.id, [])
        if not known or known[-1][1] != host.zone_id:
            known.append((self.seconds(), host.zone_id))
        if host.state in (HostState.SUSPENDED, HostState.MAINTENANCE):
            self._closed.setdefault(host.id, self.seconds())
        else:
            self._closed.pop(host.id, None)

    def put_vm(self, old: Vm | None, new: Vm) -> None:
        """Raises Broken: it has come to be on a host where it must not be."""
        if old is None:
            self._asked[new.id] = self.seconds()
        elif old.host_id is None and new.host_id is not None:
            self._check_zone(new, new.host_id)
            self._check_open(new, new.host_id)

    def _check_zone(self, vm: Vm, host_id: str) -> None:
        asked = {
            affinity.id
            for affinity in vm.affinities
            if affinity.kind is AffinityKind.AVAILABILITY_ZONE and not affinity.soft
        }
        known, now = self._since.get(host_id), self.seconds()
        if not asked or known is None:
            return
        ends = [at for at, _ in known[1:]] + [now]
        since = now - self.known_seconds
        been = {zone for (_, zone), end in zip(known, ends, strict=True) if end > since}
        if not asked & been:
            text = f"VM {vm.id} was to be in zone {sorted(asked)}, and its host is not there"
            raise Broken(Invariant.ZONE_AS_ASKED, text, vm.id, host_id)

    def _check_open(self, vm: Vm, host_id: str) -> None:
        closed, asked = self._closed.get(host_id), self._asked.get(vm.id)
        if closed is not None and asked is not None and asked - closed > self.known_seconds:
            text = f"VM {vm.id} is on host {host_id}, which was to take nothing new before"
            raise Broken(Invariant.CLOSED_TAKES_NOTHING, text, vm.id, host_id)
