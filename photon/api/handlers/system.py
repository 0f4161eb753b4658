"""The system as a whole: what it is, how it is, and stopping and resuming it."""

from __future__ import annotations

from typing import Final

import msgspec

from photon.api.paging import Listing, list_page, page_asked
from photon.api.plane import Plane
from photon.api.route import Call, NoQuery, PageQuery
from photon.api.submit import Ask, Job, completed, submitted
from photon.api.views.system import (
    controllers_alone,
    orphan_view,
    system_info_view,
    system_status_view,
)
from photon.domain.audit import AUDIT
from photon.domain.error_catalogue import AuditUnderWay, ControllerLeaving, InvalidAuthConfig
from photon.domain.kinds import EntityKind
from photon.domain.orders.system import AuditSystem
from photon.domain.system import SYSTEM_ID, System, SystemState
from photon.domain.task import TaskState
from photon.store.errors import AlreadyExists, StaleGeneration
from photon.store.nouns import DATASTORES, HOSTS, ORPHANS, PROJECTS, SYSTEM, TASKS, TENANTS, VMS
from photon.store.protocol import Insert, Update, Write
from photon.wire.v1 import system as wire
from photon.wire.v1.basics import ResourceList, StringList
from photon.wire.v1.task import Task
from photon.wire.v1.vm import Vm

SystemCall = Call[NoQuery, None]

AUDIT_TRIES_MAX: Final = 5  # The system's row is written by operators, now and then.
TASKS_OF_SYSTEM_MAX: Final = 100  # Open at once; an operator has one or two.


async def available(plane: Plane, call: SystemCall) -> wire.Available:
    """Answers whenever the process can serve: load balancers ask.

    Raises:
        ControllerLeaving: it serves, and is about to stop.
    """
    if plane.leaving():
        raise ControllerLeaving()
    return wire.Available()


async def system_available(plane: Plane, call: SystemCall) -> wire.Available:
    """The same, under the name that the guide gives it."""
    return await available(plane, call)


async def show_info(plane: Plane, call: SystemCall) -> wire.Info:
    release = plane.release
    return wire.Info(
        release.base_version,
        release.full_version,
        release.git_commit_hash,
        wire.NetworkType.PHYSICAL,
    )


async def show_auth(plane: Plane, call: SystemCall) -> wire.Auth:
    return wire.Auth()


async def show_system_info(plane: Plane, call: SystemCall) -> wire.SystemInfo:
    return system_info_view(plane.system(), plane.release)


class StatusQuery(msgspec.Struct):
    """`parts=true` shows every part of the deployment, not the controllers alone."""

    parts: bool = False


async def show_status(plane: Plane, call: Call[StatusQuery, None]) -> wire.SystemStatus:
    """The whole system's status, which counts every part, and the controllers'.

    Clients of the contract know one component; the others are shown to who asks for them.
    """
    whole = system_status_view(await plane.instances())
    return whole if call.query.parts else controllers_alone(whole)


async def show_usage(plane: Plane, call: SystemCall) -> wire.SystemUsage:
    """How many there are of everything. Services are not offered, so there are none."""
    count = plane.store.count
    return wire.SystemUsage(
        number_hosts=await count(HOSTS, {}),
        number_vms=await count(VMS, {}),
        number_tenants=await count(TENANTS, {}),
        number_projects=await count(PROJECTS, {}),
        number_datastores=await count(DATASTORES, {}),
        number_services=0,
    )


async def list_system_vms(plane: Plane, call: Call[PageQuery, None]) -> ResourceList[Vm]:
    """Management VMs: controllers run as plain processes here, so there are none."""
    page_asked(call, {})
    return ResourceList([])


async def list_orphans(plane: Plane, call: Call[PageQuery, None]) -> ResourceList[wire.Orphan]:
    """Guests and disks that no VM or disk of the store is; each is removed after a time of grace.

    Beyond the contract.
    """
    return await list_page(plane, call, Listing(ORPHANS, orphan_view))


async def audit_system(plane: Plane, call: SystemCall) -> Task:
    """Checks every invariant, on the running system. Beyond the contract.

    The task's resourceProperties are an `Audit`: its findings, and how many more there are.

    Raises:
        AuditUnderWay: one runs already, here or at another controller.
    """
    for _ in range(AUDIT_TRIES_MAX):
        # Read before the look at tasks and required with the new one: of two that look at the same
        # moment, at whichever controllers, one looks again.
        system = await _stored(plane)
        await _refuse_second_audit(plane)
        ask = Ask(AUDIT, EntityKind.DEPLOYMENT, SYSTEM_ID)
        job = Job(plane.ids.new(), AuditSystem())
        try:
            return await submitted(plane, call, ask, job, [_write(system)])
        except (StaleGeneration, AlreadyExists) as conflict:
            if conflict.noun != SYSTEM.name:
                raise
    raise AuditUnderWay("(another one that begins now)")


async def _refuse_second_audit(plane: Plane) -> None:
    where = {"entity_id": SYSTEM_ID, "entity_kind": EntityKind.DEPLOYMENT}
    for state in (TaskState.QUEUED, TaskState.STARTED):
        page = await plane.store.page(TASKS, {**where, "state": state}, limit=TASKS_OF_SYSTEM_MAX)
        for task in page.items:
            if task.operation == AUDIT:
                raise AuditUnderWay(task.id)


async def show_properties(plane: Plane, call: SystemCall) -> wire.SystemProperties:
    return _properties(await _stored(plane))


async def update_properties(
    plane: Plane, call: Call[NoQuery, wire.SystemUpdateSpec]
) -> wire.SystemProperties:
    system = await _stored(plane)
    changed = msgspec.structs.replace(system, quorum=call.body.size)
    await plane.store.commit([_write(changed)])
    return _properties(changed)


async def pause_system(plane: Plane, call: SystemCall) -> Task:
    """Nothing that writes runs from now on, but for what resumes it."""
    return await _enter(plane, call, "PAUSE_SYSTEM", SystemState.PAUSED)


async def pause_background_tasks(plane: Plane, call: SystemCall) -> Task:
    """Duties rest; the API works."""
    return await _enter(plane, call, "PAUSE_BACKGROUND_TASKS", SystemState.BACKGROUND_PAUSED)


async def resume_system(plane: Plane, call: SystemCall) -> Task:
    return await _enter(plane, call, "RESUME_SYSTEM", SystemState.READY)


async def set_system_security_groups(plane: Plane, call: Call[NoQuery, StringList]) -> Task:
    """Refused: groups mean nothing while nobody is asked who they are."""
    raise InvalidAuthConfig(
        "authentication is not enabled, so security groups cannot be set; enable it first"
    )


async def _enter(plane: Plane, call: SystemCall, operation: str, state: SystemState) -> Task:
    system = msgspec.structs.replace(await _stored(plane), state=state)
    ask = Ask(operation, EntityKind.DEPLOYMENT, system.id)
    return await completed(plane, call, ask, [_write(system)])


async def _stored(plane: Plane) -> System:
    return await plane.store.find(SYSTEM, SYSTEM_ID) or System()


def _write(system: System) -> Write:
    """The row is made by whoever is the first to change it."""
    return Update(SYSTEM, system) if system.generation else Insert(SYSTEM, system)


def _properties(system: System) -> wire.SystemProperties:
    return wire.SystemProperties(quorum=system.quorum, Quorum=system.quorum)
