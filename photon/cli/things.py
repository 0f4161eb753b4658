"""Each noun of the API: how it is listed, and what a list shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from photon.cli.thing import Thing

if TYPE_CHECKING:
    from photon.wire.v1.basics import QuotaLineItem


def _name(one: Any) -> object:
    return one.name


def _id(one: Any) -> object:
    return one.id


def _state(one: Any) -> object:
    return one.state


def _vm_host(one: Any) -> object:
    return f"{one.host} (MISSING)" if one.host_state == "MISSING" else one.host


def _costs(items: list[QuotaLineItem]) -> str:
    return ", ".join(f"{item.key} {item.value:g} {item.unit}" for item in items)


TENANT: Final = Thing(
    "tenant",
    lambda session, name: session.client.tenants.list(name=name),
    (("ID", _id), ("NAME", _name)),
    watch=lambda session, name: session.client.tenants.watch(name=name),
)
PROJECT: Final = Thing(
    "project",
    lambda session, name: session.client.projects.list(session.tenant_id, name=name),
    (("ID", _id), ("NAME", _name), ("LIMITS", lambda one: list(one.quota.quota_items or {}))),
    watch=lambda session, name: session.client.projects.watch(session.tenant_id, name=name),
)
FLAVOR: Final = Thing(
    "flavor",
    lambda session, name: session.client.flavors.list(name=name),
    (
        ("ID", _id),
        ("NAME", _name),
        ("KIND", lambda one: one.kind),
        ("COST", lambda one: _costs(one.cost)),
        ("STATE", _state),
    ),
)
IMAGE: Final = Thing(
    "image",
    lambda session, name: session.client.images.list(name=name),
    (
        ("ID", _id),
        ("NAME", _name),
        ("STATE", _state),
        ("SIZE GB", lambda one: f"{one.size / (1 << 30):.2f}"),
        ("REPLICATION", lambda one: f"{one.replication_type} {one.replication_progress}"),
        ("SCOPE", lambda one: one.scope.kind),
    ),
    watch=lambda session, name: session.client.images.watch(name=name),
)
VM: Final = Thing(
    "vm",
    lambda session, name: session.client.vms.list(session.project_id, name=name),
    (
        ("ID", _id),
        ("NAME", _name),
        ("STATE", _state),
        ("FLAVOR", lambda one: one.flavor),
        ("HOST", _vm_host),
        ("TAGS", lambda one: one.tags),
    ),
    watch=lambda session, name: session.client.vms.watch(session.project_id, name=name),
)
DISK: Final = Thing(
    "disk",
    lambda session, name: session.client.disks.list(session.project_id, name=name),
    (
        ("ID", _id),
        ("NAME", _name),
        ("STATE", _state),
        ("FLAVOR", lambda one: one.flavor),
        ("GB", lambda one: one.capacity_gb),
        ("DATASTORE", lambda one: one.datastore),
        ("VMS", lambda one: one.vms),
    ),
    watch=lambda session, name: session.client.disks.watch(session.project_id, name=name),
)
HOST: Final = Thing(
    "host",
    lambda session, name: session.client.hosts.list(),
    (
        ("ID", _id),
        ("ADDRESS", lambda one: one.address),
        ("STATE", _state),
        ("AGENT", lambda one: one.agent_state),
        ("TAGS", lambda one: one.usage_tags),
        ("ZONE", lambda one: one.availability_zone),
    ),
    label=lambda one: str(one.address),
    watch=lambda session, name: session.client.hosts.watch(),
)
DATASTORE: Final = Thing(
    "datastore",
    lambda session, name: session.client.datastores.list(),
    (("ID", _id), ("NAME", _name), ("TYPE", lambda one: one.type), ("TAGS", lambda one: one.tags)),
)
ZONE: Final = Thing(
    "zone",
    lambda session, name: session.client.zones.list(name=name),
    (("ID", _id), ("NAME", _name), ("STATE", _state)),
)
SUBNET: Final = Thing(
    "subnet",
    lambda session, name: session.client.subnets.list(name=name),
    (
        ("ID", _id),
        ("NAME", _name),
        ("TYPE", lambda one: one.type),
        ("STATE", _state),
        ("DEFAULT", lambda one: one.is_default),
        ("PORT GROUPS", lambda one: one.port_groups.names),
    ),
)
