"""Looks for what must not be: rows that contradict themselves, quotas that do not add up."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from photon.domain.disk import PersistentDisk
from photon.domain.quota import Amount, total
from photon.domain.vm import Vm, all_costs
from photon.store.protocol import Noun
from photon.store.snapshot import Progress, QuotaItem, Row, Snapshot

FINDINGS_MAX: Final = 100  # Of more, the first say what is wrong.
_ROUNDING: Final = 0.0000015  # Counts are kept to 6 decimals.

_Used = dict[tuple[str, str], float]


class Check:
    """`findings` are sentences. `counts` says how many rows were looked at."""

    def __init__(self) -> None:
        self.findings: list[str] = []
        self.counts: dict[str, int] = {}
        self._used: _Used = {}
        self._projects: set[str] = set()

    async def run(self, store: Snapshot, nouns: Sequence[Noun[Any]], progress: Progress) -> None:
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
                    self._row(noun, row, store.revision, decode)
                progress(len(rows))
        async for items in store.quota():
            for item in items:
                self._quota(item)
            progress(len(items))
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
            self._projects.add(entity.id)

    def _use(self, project_id: str, amounts: Iterable[Amount]) -> None:
        for amount in amounts:
            place = project_id, amount.key
            self._used[place] = self._used.get(place, 0.0) + amount.base

    def _quota(self, item: QuotaItem) -> None:
        if item.limit is not None and item.usage > item.limit + _ROUNDING:
            self._find(f"{item.key} of {item.owner_id}: {item.usage} used of {item.limit}")
        if item.owner_id not in self._projects:
            return  # A tenant's: what it gave to its projects.
        used = self._used.pop((item.owner_id, item.key), 0.0)
        if abs(used - item.usage) > _ROUNDING * max(1.0, self.counts.get("vms", 1)):
            self._find(
                f"{item.key} of project {item.owner_id}: {item.usage} charged, {used} in its VMs "
                "and disks"
            )

    def _find(self, finding: str) -> None:
        if len(self.findings) < FINDINGS_MAX:
            self.findings.append(finding)
