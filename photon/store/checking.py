"""Looks for what must not be: rows that contradict themselves or the change feed, and quotas that
do not add up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from photon.domain.disk import PersistentDisk
from photon.domain.quota import Amount, total
from photon.domain.vm import Vm, all_costs
from photon.store.checking_feed import FeedCheck, LiveSnapshot
from photon.store.protocol import Noun
from photon.store.snapshot import Progress, QuotaItem, Row

CHANGES: Final = "changes"  # What the feed's rows are called beside the nouns.
FINDINGS_MAX: Final = 100  # Of more, the first say what is wrong.
_ROUNDING: Final = 0.0000015  # Counts are kept to 6 decimals.

_Used = dict[tuple[str, str], float]


class Check:
    """`findings` are sentences. `counts` says how many rows were looked at."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self.counts: dict[str, int] = {}
        self._used: _Used = {}
        self._tenant_of: dict[str, str] = {}  # of each project
        self._tenants: set[str] = set()
        self._used_of_tenants: _Used = {}
        self._given: _Used = {}  # to projects, by their tenants
        self._feed = FeedCheck(self._find)

    async def run(
        self, store: LiveSnapshot, nouns: Sequence[Noun[Any]], progress: Progress
    ) -> None:
        self.counts[CHANGES] = await self._feed.read(store)
        for noun in nouns:
            self.counts[noun.name] = 0
            decode = msgspec.json.Decoder(noun.entity).decode
            last = ""
            async for rows in store.rows(noun):
                self.counts[noun.name] += len(rows)
                for row in rows:
                    if row.id <= last:
                        self._find(f"{noun.name} {row.id} does not come after {last}")
                    last = row.id
                    if noun.in_feed:
                        self._feed.row(noun, row)
                    self._row(noun, row, store.revision, decode)
                progress(len(rows))
        self._feed.finish()
        async for items in store.quota():
            for item in items:
                self._quota(item)
            progress(len(items))
        self._tenants_add_up()
        for owner_id, key in sorted(self._used):
            if self._used[owner_id, key]:
                self._find(f"project {owner_id} uses {key}, and its quota does not know of it")

    def _row(self, noun: Noun[Any], row: Row, newest: int, decode: Any) -> None:
        try:
            entity = decode(row.doc)
        except msgspec.DecodeError as error:
            self._find(f"{noun.name} {row.id} cannot be read: {error}")
            return
        if (entity.id, entity.generation) != (row.id, row.generation):
            self._find(f"{noun.name} {row.id} says that it is {entity.id} {entity.generation}")
        if not 0 < row.revision <= newest:
            self._find(f"{noun.name} {row.id} is of revision {row.revision}, the store of {newest}")
        if isinstance(entity, Vm):
            self._use(entity.project_id, total(all_costs(entity)))
        elif isinstance(entity, PersistentDisk):
            self._use(entity.project_id, entity.cost)
        elif noun.name == "projects":
            self._tenant_of[entity.id] = entity.tenant_id
        elif noun.name == "tenants":
            self._tenants.add(entity.id)

    def _use(self, project_id: str, amounts: Iterable[Amount]) -> None:
        for amount in amounts:
            place = project_id, amount.key
            self._used[place] = self._used.get(place, 0.0) + amount.base

    def _quota(self, item: QuotaItem) -> None:
        if item.limit is not None and item.usage > item.limit + _ROUNDING:
            self._find(f"{item.key} of {item.owner_id}: {item.usage} used of {item.limit}")
        if item.owner_id in self._tenants:
            self._used_of_tenants[item.owner_id, item.key] = item.usage
        if item.owner_id not in self._tenant_of:
            return
        if item.limit:
            place = self._tenant_of[item.owner_id], item.key
            self._given[place] = self._given.get(place, 0.0) + item.limit
        used = self._used.pop((item.owner_id, item.key), 0.0)
        if abs(used - item.usage) > _ROUNDING * max(1.0, self.counts.get("vms", 1)):
            self._find(
                f"{item.key} of project {item.owner_id}: {item.usage} charged, {used} in its VMs "
                "and disks"
            )

    def _tenants_add_up(self) -> None:
        """A tenant uses what its projects may use."""
        known = {place for place in self._given if place[0] in self._tenants}
        for tenant_id, key in sorted(self._used_of_tenants.keys() | known):
            used = self._used_of_tenants.get((tenant_id, key), 0.0)
            given = self._given.get((tenant_id, key), 0.0)
            if abs(used - given) > _ROUNDING * max(1.0, len(self._tenant_of)):
                self._find(
                    f"{key} of tenant {tenant_id}: {used} charged, {given} given to its projects"
                )

    def _find(self, finding: str) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)
