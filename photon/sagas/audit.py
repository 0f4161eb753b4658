"""AUDIT_SYSTEM: every invariant is checked; what is broken is the task's answer.

step                          do                                                    undo
AUDIT_SYSTEM                  look at every row and at what every host holds; look  -
                              again at what seems wrong, after pauses
end                           -

It changes nothing, so after a crash it begins anew. It locks nothing either: it tells what is in
flight from what is wrong by looking again.
"""

from __future__ import annotations

from typing import Final

from photon.audit.whole import Audit, asking, listed_members
from photon.domain.audit import ADVICE, AUDIT, Audited
from photon.domain.orders.system import AuditSystem
from photon.sagas.cloud import Cloud
from photon.sagas.locks import nothing_to_unlock
from photon.sagas.showing import Showing
from photon.tasks.saga import Plan, Run, Saga, Step


async def audit_system(run: Run[Cloud], order: AuditSystem) -> Audited:
    return await run(AUDIT_SYSTEM, Showing(run))


async def look(cloud: Cloud, showing: Showing) -> Audited:
    """One at a time in a controller: a second one waits."""
    async with cloud.audit_turn:
        living = cloud.living or listed_members(cloud.store)
        audit = Audit(cloud.store, asking(cloud.store, cloud.agents), living)

        def heard(done: int, total: int) -> None:
            showing.tell(percent=str(100 * done // max(total, 1)))

        try:
            return await audit.run(cloud.clock, heard)
        finally:
            await showing.close()


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
