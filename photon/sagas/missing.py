"""Hosts that are MISSING, as sagas meet them: what cannot be done there, and what is owed instead.

What only a host can do fails at once. What an owner wants to be rid of goes at once, and the host
owes the rest: it pays when it is back, before it takes anything new.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from photon.domain.debt import Debt, DebtKind
from photon.domain.errors import Kind, PhotonError
from photon.domain.host import Host
from photon.sagas.cloud import Cloud
from photon.store.nouns import DEBTS, HOSTS, MISSING_HOSTS
from photon.store.protocol import Insert, Reap, Write

# A host that was heard a moment ago is declared missing, or heard again, well within this.
VERDICT_SECONDS: Final = 60.0
VERDICT_PAUSE_SECONDS: Final = 1.0


@dataclass(eq=False)
class HostMissing(PhotonError):
    code, kind = "InvalidHostState", Kind.CONFLICT
    text = (
        "host {address} is {state}: its agent is not heard, so nothing can be done there. Bring "
        "the host back; or, if it is lost, delete what was on it"
    )
    id: str
    address: str
    state: str = "MISSING"


@dataclass(eq=False)
class OwedByMissingHost(PhotonError):
    """A warning: it is so for the owner, and the host will hear of it."""

    code, kind = "InvalidHostState", Kind.UNAVAILABLE
    text = (
        "host {address} is MISSING and was not told. What it still has of this is removed when it "
        "comes back, before it takes anything new"
    )
    address: str


async def is_missing(cloud: Cloud, host_id: str) -> bool:
    return await cloud.store.find(MISSING_HOSTS, host_id) is not None


async def refuse_missing(cloud: Cloud, host: Host) -> None:
    """Raises HostMissing, instead of a call that would wait for nothing."""
    if await is_missing(cloud, host.id):
        raise HostMissing(host.id, host.address)


async def becomes_missing(cloud: Cloud, host_id: str) -> bool:
    """Whether a host that does not answer now is, or is soon, declared MISSING."""
    ends = cloud.clock.monotonic() + VERDICT_SECONDS
    while not await is_missing(cloud, host_id):
        if cloud.clock.monotonic() >= ends:
            return False
        await cloud.clock.sleep(VERDICT_PAUSE_SECONDS)
    return True


async def owed(
    cloud: Cloud, host_id: str, kind: DebtKind, thing_id: str, *, vm_id: str | None = None
) -> list[Write]:
    """The host owes this; nothing, if the host is gone."""
    host = await cloud.store.find(HOSTS, host_id)
    return [] if host is None else owed_by(cloud, host, kind, thing_id, vm_id=vm_id)


def owed_by(
    cloud: Cloud, host: Host, kind: DebtKind, thing_id: str, *, vm_id: str | None = None
) -> list[Write]:
    debt = Debt(
        id=f"{host.id}/{kind}/{thing_id}",
        host_id=host.id,
        host_address=host.address,
        agent_endpoint=host.agent_endpoint,
        kind=kind,
        thing_id=thing_id,
        at_ms=cloud.clock.now_ms(),
        vm_id=vm_id,
    )
    # It may owe this already: nobody has to say so twice.
    return [Reap(DEBTS, debt.id, {}, ()), Insert(DEBTS, debt)]
