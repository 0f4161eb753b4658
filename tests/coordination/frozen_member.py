"""A member that leads an office and says so, line by line, until it is lost. To be stopped."""

from __future__ import annotations

import asyncio
import sys
import time

import msgspec

from photon.coordination.ensemble import Ensemble
from photon.coordination.protocol import CONTROLLER, Leadership
from photon.coordination.terms import LeaseTerms
from photon.coordination.zookeeper import ZooKeeperCoordination
from photon.domain.member import Member
from photon.outside.clock import RealClock


async def main(hosts: str, root: str, lease_seconds: float) -> None:
    lost = asyncio.Event()
    ensemble, terms = Ensemble(hosts, root), LeaseTerms(lease_seconds)
    coordination = ZooKeeperCoordination(ensemble, RealClock(), terms, lost.set)
    await coordination.join(Member("id-frozen", "frozen", CONTROLLER, ""))
    office = coordination.campaign("chairman")
    await office.wait()
    while not lost.is_set():
        _say(office, lost=False)
        await asyncio.sleep(0.02)
    _say(office, lost=True)
    await coordination.leave()


def _say(office: Leadership, *, lost: bool) -> None:
    """`at` is before the fence was asked for, by the clock that all processes here share."""
    said = {"at": time.monotonic(), "fence": office.fence(), "lost": lost}
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.buffer.flush()


asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
