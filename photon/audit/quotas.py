"""Quotas: a project uses what exists in it; a tenant uses what its projects may use.

Usage and what it is of change in one commit, but are read one after the other. So a difference
counts only if nothing changed while it was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final

from photon.audit.looks import rows_of
from photon.domain.audit import Rule, Violation
from photon.domain.project import Project
from photon.domain.quota import Amount, total
from photon.domain.tenant import Tenant
from photon.domain.vm import all_costs
from photon.store.nouns import DISKS, PROJECTS, VMS
from photon.store.protocol import CloudStore, QuotaRow

TRIES_MAX: Final = 3  # A project that is changed in each of them is looked at again later.

Mark = frozenset[tuple[str, object]]  # equal when what was read is
Exists = tuple[dict[str, float], Mark]


class QuotaChecks:
    """`unsettled` are owners that changed whenever they were last looked at."""

    def __init__(self, store: CloudStore) -> None:
        self._store = store
        self.unsettled: set[str] = set()

    async def projects(self, projects: Sequence[Project]) -> list[Violation]:
        found: list[Violation] = []
        for project in projects:
            found += await self._owner(project.id, self._in_project)
        return found

    async def tenants(self, tenants: Sequence[Tenant]) -> list[Violation]:
        found: list[Violation] = []
        for tenant in tenants:
            found += await self._owner(tenant.id, self._in_tenant)
        return found

    async def _owner(
        self, owner_id: str, exists: Callable[[str], Awaitable[Exists]]
    ) -> list[Violation]:
        for _ in range(TRIES_MAX):
            before = await self._store.quota(owner_id)
            there, mark = await exists(owner_id)
            found = list(_usages(owner_id, before, there))
            after = await self._store.quota(owner_id)
            steady = before == after and (not found or (await exists(owner_id))[1] == mark)
            if not found or (steady and await self._store.quota(owner_id) == after):
                self.unsettled.discard(owner_id)
                return found
        self.unsettled.add(owner_id)
        return []

    async def _in_project(self, project_id: str) -> Exists:
        where = {"project_id": project_id}
        vms = await rows_of(self._store, VMS, where)
        disks = await rows_of(self._store, DISKS, where)
        costs: list[tuple[Amount, ...]] = [cost for vm in vms for cost in all_costs(vm)]
        costs += [disk.cost for disk in disks]
        mark: set[tuple[str, object]] = {(vm.id, vm.generation) for vm in vms}
        mark |= {(disk.id, disk.generation) for disk in disks}
        return {each.key: each.base for each in total(costs)}, frozenset(mark)

    async def _in_tenant(self, tenant_id: str) -> Exists:
        limits: Counter[str] = Counter()
        mark: set[tuple[str, object]] = set()
        for project in await rows_of(self._store, PROJECTS, {"tenant_id": tenant_id}):
            for row in await self._store.quota(project.id):
                if row.limit is not None:
                    limits[row.key] += row.limit  # type: ignore[assignment] # a Counter adds floats too
                    mark.add((f"{project.id} {row.key}", row.limit))
        return dict(limits), frozenset(mark)


def _usages(
    owner_id: str, rows: Sequence[QuotaRow], exists: dict[str, float]
) -> Iterator[Violation]:
    used = {row.key: row.usage for row in rows}
    for key in sorted({*used, *exists}):
        if round(used.get(key, 0.0) - exists.get(key, 0.0), 3):
            there, counted = exists.get(key, 0.0), used.get(key, 0.0)
            text = f"{owner_id} uses {there:g} {key}, not {counted:g}"
            yield Violation(Rule.QUOTA_ADDS_UP, owner_id, text, owner_id)
