"""The store and the ensemble are away, hang, are full, or are not reached by some."""

from __future__ import annotations

from photon.simulation.faults import Fault, Target, on
from photon.simulation.line import Service


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
