"""REFUSED: what runs for a task whose entity was locked by another. Its first step says so."""

from __future__ import annotations

from photon.domain.errors import RecordedError
from photon.domain.orders.refused import REFUSED, Refused
from photon.domain.task import ErrorRecord
from photon.tasks.saga import Plan, Run, Saga


async def refuse(run: Run[object], order: Refused) -> None:
    error = order.error
    raise RecordedError(error.code, error.message, error.data)


async def never(deps: object, order: Refused, result: None) -> Plan:
    raise AssertionError("a refused task does not complete")


async def end(deps: object, order: Refused, error: ErrorRecord) -> Plan:
    return Plan()


SAGA = Saga(operation=REFUSED, order=Refused, shown=(), body=refuse, finish=never, fail=end)
