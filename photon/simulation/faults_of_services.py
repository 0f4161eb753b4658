"""The store and the ensemble are away, hang, are full, or are not reached by some."""

from __future__ import annotations

from typing import Final

from photon.simulation.faults import Fault, Target, on
from photon.simulation.line import Service

DONE_SHARE: Final = 0.5  # Of what a primary had not answered when it went.
LONG_SHARE: Final = 0.25
STRAY_SHARE: Final = 0.3  # Of new sessions, so many find the former primary first.
# Revisions. A VM's creation has three: so the first is for those who have not heard the last one.
KEPT: Final = (1, 10, 50)


def away(fault: Fault, service: Service | None, *, hangs: bool, most: float) -> Target | None:
    if service is None or service.name in fault.busy:
        return None
    seconds = fault.seconds(0.3, most)

    async def act() -> None:
        (service.hang if hangs else service.go_away)()
        await fault.wait(seconds)
        (service.go_on if hangs else service.come_back)()

    return Target(on(service.name), act, {"seconds": seconds})


def cut_from(fault: Fault, service: Service | None) -> Target | None:
    controller = fault.controller()
    if controller is None or service is None:
        return None
    name, seconds = controller.name, fault.seconds(1.0, 40.0)

    async def act() -> None:
        service.cut(name)
        await fault.wait(seconds)
        service.mend(name)

    return Target({}, act, {"controller": name, "seconds": seconds})


def store_of(fault: Fault) -> Service:
    return fault.world.store_server.service


def ensemble_of(fault: Fault) -> Service | None:
    ensemble = fault.world.ensemble
    return None if ensemble is None else ensemble.service


def store_fails_over(fault: Fault) -> Target | None:
    """To a standby that has all that was acknowledged; of what was under way it has some."""
    server = fault.world.store_server
    service = server.service
    if service.name in fault.busy:
        return None
    # Now and then nobody is promoted for longer than a commit is tried.
    long = fault.random.random() < LONG_SHARE
    waits, away = fault.seconds(0.0, 3.0), fault.seconds(*((60.0, 90.0) if long else (1.0, 20.0)))
    read_only, astray = fault.seconds(0.0, 5.0), fault.seconds(1.0, 15.0)

    async def act() -> None:
        conditions = server.conditions
        heard = conditions.lost_notices
        service.hang()  # The primary waits for a standby's word.
        await fault.wait(waits)
        service.fail_over(done=DONE_SHARE)
        await fault.wait(away)
        conditions.read_only, conditions.lost_notices = True, 1.0
        service.come_back()
        await fault.wait(read_only)
        conditions.read_only, conditions.stray = False, STRAY_SHARE  # The former primary is back.
        await fault.wait(astray)
        conditions.stray, conditions.lost_notices = 0.0, heard

    told = {"waits": waits, "away": away, "read_only": read_only, "astray": astray}
    return Target(on(service.name), act, told)


def store_full(fault: Fault) -> Target | None:
    server = fault.world.store_server
    if server.service.name in fault.busy:
        return None
    seconds = fault.seconds(0.3, 5.0)

    async def act() -> None:
        conditions = server.conditions
        conditions.full = True
        await fault.wait(seconds)
        conditions.full = False

    return Target(on(server.service.name), act, {"seconds": seconds})


def trim_feed(fault: Fault) -> Target | None:
    """Whoever is further behind than that must begin anew: watchers, and controllers too."""
    kept = fault.random.choice(KEPT)
    return Target({}, lambda: fault.world.store_server.trim(kept), {"kept": kept})
