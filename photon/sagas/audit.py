"""AUDIT_SYSTEM: every invariant is checked; what is broken is the task's answer.

step                          do                                                    undo
AUDIT_SYSTEM                  look at every row and at what every host holds; look  -
                              again at what seems wrong, after pauses
end                           -

It changes nothing, so after a crash it begins anew. It locks nothing either: it tells what is in
flight from what is wrong by looking again.
"""

from __future__ import annotations

import asyncio
from typing import Final

from photon.audit.whole import Audit, asking, listed_members
from photon.domain.audit import ADVICE, AUDIT, Audited
from photon.domain.orders.system import AuditSystem
from photon.sagas.cloud import Cloud
from photon.sagas.locks import nothing_to_unlock
from photon.tasks.journal import LostOwnership
from photon.tasks.saga import Plan, Run, Saga, Step

SHOWN_EVERY_SECONDS: Final = 1.0  # A person's eye; more often would only be more commits.


async def audit_system(run: Run[Cloud], order: AuditSystem) -> Audited:
    return await run(AUDIT_SYSTEM, _Showing(run))


async def look(cloud: Cloud, showing: _Showing) -> Audited:
    """One at a time in a controller: a second one waits."""
    async with cloud.audit_turn:
        living = cloud.living or listed_members(cloud.store)
        audit = Audit(cloud.store, asking(cloud.store, cloud.agents), living)
        try:
            return await audit.run(cloud.clock, showing.heard)
        finally:
            await showing.close()


class _Showing:
    """Shows on the task's step how far the audit is."""

    def __init__(self, run: Run[Cloud]) -> None:
        self._run = run
        self._shown_at = run.deps.clock.monotonic()
        self._writing: asyncio.Task[None] | None = None

    def heard(self, done: int, total: int) -> None:
        now = self._run.deps.clock.monotonic()
        written = self._writing is None or self._writing.done()
        if written and now - self._shown_at >= SHOWN_EVERY_SECONDS:
            self._shown_at = now
            self._run.note(percent=str(100 * done // max(total, 1)))
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        try:
            await self._run.journal.flush()
        except LostOwnership:
            return  # The saga itself finds out at its next write.

    async def close(self) -> None:
        if self._writing is not None:
            await asyncio.wait([self._writing])


async def answer(cloud: Cloud, order: AuditSystem, audited: Audited) -> Plan:
    findings = [
        {
            "invariant": violation.rule.value,
            "id": violation.id,
            "problem": violation.text,
            "advice": ADVICE[violation.rule],
        }
        for violation in audited.violations
    ]
    return Plan(
        answer={
            "findings": findings,
            "unlisted": audited.unlisted,
            "hosts": audited.hosts,
            "hostsSilent": audited.silent,
            "quotasUnsettled": audited.unsettled,
        }
    )


AUDIT_SYSTEM = Step(AUDIT, look)

SAGA: Final[Saga[Cloud, AuditSystem, Audited]] = Saga(
    operation=AUDIT,
    order=AuditSystem,
    shown=(AUDIT,),
    body=audit_system,
    finish=answer,
    fail=nothing_to_unlock,
    steps=(AUDIT_SYSTEM,),
)
