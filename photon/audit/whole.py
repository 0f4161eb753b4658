"""The audit of a whole deployment, while it works: for an operator, for tests and for simulation.

It changes nothing and repairs nothing: duties do that. What is found is looked at again, twice and
after a pause, and counts if each look finds it: so what is in flight is not a violation. The store
is read in pages, and inventories are asked of a few agents at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from photon.agent_client.address import HostAddress
from photon.agent_client.errors import AgentFaulty, AgentUnreachable
from photon.agent_client.protocol import Agents
from photon.audit.hosts import HostChecks
from photon.audit.looks import InventoryOf, Look, by_id, pages
from photon.audit.quotas import QuotaChecks
from photon.audit.rows import LOCKED, Living, RowChecks
from photon.domain.audit import Audited, Violation
from photon.domain.guest import Inventory, Refusal
from photon.domain.host import Host
from photon.domain.task import ENDED, TaskState
from photon.outside.clock import Clock
from photon.store.nouns import (
    DATASTORES,
    DISKS,
    EPHEMERAL_DISKS,
    HOSTS,
    MEMBERS,
    MISSING_HOSTS,
    NICS,
    PROJECTS,
    TASKS,
    TENANTS,
    VMS,
)
from photon.store.protocol import CloudStore

LISTED_MAX: Final = 100  # A person reads no more; who has so many has one cause of most of them.
SUSPECTS_MAX: Final = 10_000  # Looked at again; as many more are an outage, and are only counted.
# The first pause is longer than a report is on its way, all of them than a dead one's adoption.
PAUSES_SECONDS: Final = (3.0, 10.0)

Progress = Callable[[int, int], None]  # rows looked at, of so many


class Audit:
    """One audit. `living` tells which controllers live now."""

    def __init__(self, store: CloudStore, inventory_of: InventoryOf, living: Living) -> None:
        self._store = store
        self._living = living
        self._hosts = HostChecks(store, inventory_of)
        self._quotas = QuotaChecks(store)
        self._quota_looks = (
            Look(PROJECTS, self._quotas.projects),
            Look(TENANTS, self._quotas.tenants),
        )
        self._rows = RowChecks(store, living)

    async def once(self, progress: Progress = lambda done, of: None) -> list[Violation]:
        """One look at everything: what is in flight is among what it finds."""
        return [violation for _, violation in await self._suspects(progress)]

    async def run(self, clock: Clock, progress: Progress) -> Audited:
        hosts = await self._store.count(HOSTS, {})
        found = await self._suspects(progress)
        unlisted = max(0, len(found) - SUSPECTS_MAX)
        found = found[:SUSPECTS_MAX]
        for seconds in PAUSES_SECONDS:
            if found or self._quotas.unsettled:
                await clock.sleep(seconds)
                found = await self._again(found) + await self._settled()
        listed = tuple(violation for _, violation in found[:LISTED_MAX])
        return Audited(
            listed,
            unlisted + len(found) - len(listed),
            hosts,
            len(self._hosts.silent),
            len(self._quotas.unsettled),
        )

    async def _looks(self) -> list[Look]:
        open_states = (TaskState.QUEUED, TaskState.STARTED)
        return [
            Look(HOSTS, self._hosts.hosts),
            Look(DATASTORES, self._hosts.shared_datastores),
            *(Look(noun, self._rows.locks(noun)) for noun in LOCKED),
            *(Look(TASKS, self._rows.owners, {"state": state}) for state in open_states),
            *(
                Look(TASKS, self._rows.owners, {"owner": owner, "state": state})
                for owner in sorted(await self._living())
                for state in sorted(ENDED)
            ),
            Look(VMS, self._rows.vms),
            Look(NICS, self._rows.parts),
            Look(EPHEMERAL_DISKS, self._rows.parts),
            Look(DISKS, self._rows.disks),
            *self._quota_looks,
        ]

    async def _suspects(self, progress: Progress) -> list[tuple[Look, Violation]]:
        looks = await self._looks()
        total = sum([await self._store.count(look.noun, look.where) for look in looks])
        done = 0
        found: list[tuple[Look, Violation]] = []
        for look in looks:
            async for rows in pages(self._store, look.noun, look.where):
                found += [(look, violation) for violation in await look.check(rows)]
                done += len(rows)
                progress(done, max(done, total))
        return found

    async def _again(self, found: list[tuple[Look, Violation]]) -> list[tuple[Look, Violation]]:
        """Of these, the ones that are found still."""
        by_look: dict[int, list[tuple[Look, Violation]]] = {}
        for look, violation in found:
            by_look.setdefault(id(look), []).append((look, violation))
        still: list[tuple[Look, Violation]] = []
        for suspects in by_look.values():
            look = suspects[0][0]
            known = {(violation.rule, violation.id) for _, violation in suspects}
            subjects = sorted({violation.subject for _, violation in suspects})
            rows = list((await by_id(self._store, look.noun, subjects)).values())
            still += [
                (look, violation)
                for violation in await look.check(rows)
                if (violation.rule, violation.id) in known
            ]
        return still

    async def _settled(self) -> list[tuple[Look, Violation]]:
        """What is wrong with owners that changed at each look so far, and do not now."""
        found: list[tuple[Look, Violation]] = []
        for look in self._quota_looks:
            rows = await by_id(self._store, look.noun, sorted(self._quotas.unsettled))
            found += [(look, violation) for violation in await look.check(list(rows.values()))]
        return found


def asking(store: CloudStore, agents: Agents) -> InventoryOf:
    """Asks a host's agent. A host that is missing would be a call in vain."""

    async def inventory_of(host: Host) -> Inventory | None:
        if await store.find(MISSING_HOSTS, host.id) is not None:
            return None
        try:
            return await agents.inventory(HostAddress(host.agent_endpoint, host.id))
        except (AgentUnreachable, AgentFaulty, Refusal):
            return None

    return inventory_of


def listed_members(store: CloudStore) -> Living:
    """The living are those that have a row: where the store itself coordinates."""

    async def living() -> frozenset[str]:
        members = [page async for page in pages(store, MEMBERS, {})]
        return frozenset(member.id for page in members for member in page)

    return living


async def audit(store: CloudStore, inventories: Iterable[Inventory]) -> list[Violation]:
    """Every violation in a world that stands still; hosts without an inventory are not judged."""
    given = {inventory.host_id: inventory for inventory in inventories}

    async def inventory_of(host: Host) -> Inventory | None:
        return given.get(host.id)

    return await Audit(store, inventory_of, listed_members(store)).once()
