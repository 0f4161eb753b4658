"""What a leaf makes of a host's no: it believed too much of that host.

A host that lacks room is doubted: it is believed to have one unit less than was asked of it. One
that refused for any other reason is shunned for demands of that shape only, so that one tenant's
bad image does not take hosts from all others. Both end with the host's next report, or soon.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from photon.domain.demand import Demand
from photon.domain.guest import AgentRefusal
from photon.domain.topology import is_shared
from photon.scheduler.books import DatastoreBook, DiskHeld, Held, HostBook
from photon.scheduler.filter_order import constraints
from photon.scheduler.leases import Leases
from photon.scheduler.ledger import Ledger
from photon.scheduler.policy import Policy


class Refusals:
    """Bounded by itself: each entry costs a call to an agent, and none lives long."""

    def __init__(self, ledger: Ledger, policy: Policy) -> None:
        self._ledger = ledger
        self._doubts: Leases[Held] = Leases(policy.refused_seconds)
        self._shuns: Leases[tuple[Hashable, HostBook]] = Leases(policy.refused_seconds)
        self._shunned: dict[Hashable, set[HostBook]] = {}

    def learn(self, refused: Held, demand: Demand, reason: str, now: float) -> None:
        """`refused` holds nothing any more: its claims were ended before."""
        host = refused.host
        self._undoubt(host, demand.id)
        doubt = Held(demand.id, host, 0, 0)
        match reason:
            case AgentRefusal.NOT_ENOUGH_CPU:
                doubt.cpus = max(0, host.free_cpus - demand.cpus + 1)
            case AgentRefusal.NOT_ENOUGH_MEMORY:
                doubt.memory_mib = max(0, host.free_memory_mib - demand.memory_mib + 1)
            case AgentRefusal.NOT_ENOUGH_DATASTORE:
                doubt.disks = self._denied(refused, now)
            case _:
                self._shun(host, shape(demand), now)
                return
        host.doubts[demand.id] = doubt
        self._doubts.start(doubt, now)
        self._ledger.take(doubt)

    def shunned(self, demand: Demand) -> Iterable[HostBook]:
        return self._shunned.get(shape(demand), ()) if self._shunned else ()

    def forget(self, host: HostBook) -> None:
        """It has spoken for itself since."""
        for demand_id in list(host.doubts):
            self._undoubt(host, demand_id)
        if self._shunned:
            for kind in [kind for kind, hosts in self._shunned.items() if host in hosts]:
                self._unshun(kind, host)

    def expire(self, now: float) -> None:
        for doubt in self._doubts.expired(now):
            self._undoubt(doubt.host, doubt.id)
        for kind, host in self._shuns.expired(now):
            self._unshun(kind, host)

    def _denied(self, refused: Held, now: float) -> tuple[DiskHeld, ...]:
        """On each datastore that it was given: which of them was short is not said. What a shared
        one denied, it denied to all its hosts; the next report of any says what it has."""
        disks = []
        for datastore, gib in _asked_gib(refused).items():
            if is_shared(datastore.type):
                self._ledger.datastores.deny(datastore, gib, now)
            elif datastore.free_gib >= gib:
                name = f"refused {refused.id}"
                disks.append(DiskHeld(datastore, name, datastore.free_gib - gib + 1))
        return tuple(disks)

    def _shun(self, host: HostBook, kind: Hashable, now: float) -> None:
        self._shunned.setdefault(kind, set()).add(host)
        self._shuns.start((kind, host), now)

    def _unshun(self, kind: Hashable, host: HostBook) -> None:
        self._shuns.end((kind, host))
        hosts = self._shunned[kind]
        hosts.discard(host)
        if not hosts:
            del self._shunned[kind]

    def _undoubt(self, host: HostBook, demand_id: str) -> None:
        doubt = host.doubts.pop(demand_id, None)
        if doubt is not None:
            self._doubts.end(doubt)
            self._ledger.give(doubt)


def shape(demand: Demand) -> Hashable:
    """What makes one demand as good as another to a host."""
    return (
        constraints(demand),
        demand.cpus,
        demand.memory_mib,
        tuple([disk.capacity_gib for disk in demand.disks]),
        demand.image_checksum,
        demand.project_id,
    )


def _asked_gib(refused: Held) -> dict[DatastoreBook, int]:
    asked: dict[DatastoreBook, int] = {}
    for disk in refused.disks:
        asked[disk.datastore] = asked.get(disk.datastore, 0) + disk.gib
    return asked
