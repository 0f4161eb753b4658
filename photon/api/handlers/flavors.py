"""Flavors: what VMs and disks of a sort cost. Named by name and kind, known by id."""

from __future__ import annotations

from typing import Final

import msgspec

from photon.api.found import the_flavor
from photon.api.limits_asked import LIMIT_BASE_MAX, check_key
from photon.api.paging import Listing, list_page
from photon.api.plane import Plane
from photon.api.route import Call, NoQuery, StateQuery
from photon.api.submit import Ask, completed
from photon.api.task_lists import tasks_of
from photon.api.views.flavor import flavor_view
from photon.api.watching import Listed
from photon.domain.error_catalogue import (
    InvalidFlavorSpecification,
    InvalidFlavorState,
    NameTaken,
)
from photon.domain.flavor import VM_CPU, VM_MEMORY, Flavor, FlavorKind, capacity_key
from photon.domain.kinds import EntityKind
from photon.domain.quota import Amount, QuotaUnit
from photon.domain.readiness import DELETABLE, Readiness
from photon.store.endings import tombstone
from photon.store.errors import AlreadyExists
from photon.store.nouns import FLAVORS
from photon.store.protocol import Insert, Update
from photon.store.reaping import reap_flavor
from photon.wire.v1 import flavor as wire
from photon.wire.v1.basics import ResourceList
from photon.wire.v1.task import Task

# Agents count CPUs and MiB in 32 bits; the largest machines there are have a thousandth of this.
CPUS_MAX: Final = 1 << 20
MEMORY_BASE_MAX: Final = float(1 << 50)


class FlavorsQuery(msgspec.Struct, rename="camel"):
    name: str | None = None
    kind: str | None = None
    page_size: str | None = None
    page_link: str | None = None


async def create_flavor(plane: Plane, call: Call[NoQuery, wire.FlavorCreateSpec]) -> Task:
    """Makes a flavor at once; its name is the only one of its kind."""
    spec = call.body
    kind = FlavorKind(spec.kind)
    cost = tuple(Amount(item.key, item.value, item.unit) for item in spec.cost)
    check_cost(kind, cost)
    flavor = Flavor(plane.ids.new(), spec.name, kind, cost)
    ask = Ask("CREATE_FLAVOR", EntityKind.FLAVOR, flavor.id)
    try:
        return await completed(plane, call, ask, [Insert(FLAVORS, flavor)])
    except AlreadyExists as exists:
        if exists.noun != FLAVORS.name:
            raise
        label = kind.replace("-", " ").capitalize()
        raise NameTaken(label=label, name=flavor.name) from None


def check_cost(kind: FlavorKind, cost: tuple[Amount, ...]) -> None:
    """The rules of a flavor's cost (contract, 6.3).

    Raises:
        InvalidFlavorSpecification: one is broken.
    """
    units: dict[str, QuotaUnit] = {}
    for amount in cost:
        check_key(amount.key)
        if amount.key in units:
            raise InvalidFlavorSpecification(f"the cost names {amount.key} twice; name it once")
        if amount.base > LIMIT_BASE_MAX:
            raise InvalidFlavorSpecification(f"the cost of {amount.key} is too large")
        units[amount.key] = amount.unit
    if kind is FlavorKind.VM:
        _check_vm_cost(cost, units)
    elif capacity_key(kind) in units:
        raise InvalidFlavorSpecification(
            f"{capacity_key(kind)} comes from each disk's size; leave it out of the cost"
        )


def _check_vm_cost(cost: tuple[Amount, ...], units: dict[str, QuotaUnit]) -> None:
    if units.get(VM_CPU) is not QuotaUnit.COUNT:
        raise InvalidFlavorSpecification(f"a vm flavor needs {VM_CPU} in COUNT; add it to the cost")
    if units.get(VM_MEMORY, QuotaUnit.COUNT) is QuotaUnit.COUNT:
        raise InvalidFlavorSpecification(
            f"a vm flavor needs {VM_MEMORY} in B, KB, MB or GB; add it to the cost"
        )
    amounts = {amount.key: amount.base for amount in cost}
    if amounts[VM_CPU] > CPUS_MAX or amounts[VM_MEMORY] > MEMORY_BASE_MAX:
        raise InvalidFlavorSpecification(
            f"no machine has so much {VM_CPU} or {VM_MEMORY}; check the unit"
        )


async def list_flavors(plane: Plane, call: Call[FlavorsQuery, None]) -> ResourceList[wire.Flavor]:
    filters = {"name": call.query.name, "kind": call.query.kind}
    return await list_page(plane, call, Listing(FLAVORS, flavor_view, filters=filters))


async def show_flavor(plane: Plane, call: Call[NoQuery, None]) -> wire.Flavor:
    return flavor_view(await the_flavor(plane, call.id), call.base)


async def delete_flavor(plane: Plane, call: Call[NoQuery, None]) -> Task:
    """Gone at once when nothing has it, else PENDING_DELETE until the last that has it goes."""
    flavor = await the_flavor(plane, call.id)
    if flavor.state not in DELETABLE:
        raise InvalidFlavorState(flavor.id, flavor.state)
    leaving = msgspec.structs.replace(flavor, state=Readiness.PENDING_DELETE)
    return await completed(
        plane,
        call,
        Ask("DELETE_FLAVOR", EntityKind.FLAVOR, flavor.id),
        [
            Update(FLAVORS, leaving),
            tombstone(EntityKind.FLAVOR, flavor.id, plane.clock.now_ms()),
            reap_flavor(flavor.id),
        ],
    )


async def list_flavor_tasks(plane: Plane, call: Call[StateQuery, None]) -> Listed[Task]:
    await the_flavor(plane, call.id)
    return await tasks_of(plane, call, EntityKind.FLAVOR)
