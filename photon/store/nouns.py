"""Every noun of the CloudStore: which columns it is found by, and what may be there only once.

An index is named by its columns; each serves one list or one in-use check of the API.
"""

from __future__ import annotations

from typing import Any, Final

from photon.domain.datastore import Datastore, DatastoreTag, HostDatastore
from photon.domain.debt import Debt
from photon.domain.disk import EphemeralDisk, PersistentDisk
from photon.domain.flavor import Flavor
from photon.domain.host import Host
from photon.domain.idempotency import IdempotentAnswer
from photon.domain.image import Image
from photon.domain.member import Member, Office
from photon.domain.membership import Membership
from photon.domain.missing_host import MissingHost
from photon.domain.orphan import Orphan
from photon.domain.project import Project
from photon.domain.subnet import PortGroup, Subnet
from photon.domain.system import System
from photon.domain.task import Task, Tombstone
from photon.domain.tenant import Tenant
from photon.domain.topology import HostSeat, LeafRow, Topology
from photon.domain.vm import Nic, Vm
from photon.domain.zone import Zone
from photon.store.protocol import Noun

TENANTS: Final = Noun("tenants", Tenant, {"name": lambda t: t.name}, unique=(("name",),))

PROJECTS: Final = Noun(
    "projects",
    Project,
    {"tenant_id": lambda p: p.tenant_id, "name": lambda p: p.name},
    unique=(("tenant_id", "name"),),
    indexes=(("tenant_id",),),
)

FLAVORS: Final = Noun(
    "flavors",
    Flavor,
    {"name": lambda f: f.name, "kind": lambda f: f.kind, "state": lambda f: f.state},
    unique=(("name", "kind"),),
    indexes=(("kind",),),
)

IMAGES: Final = Noun(
    "images",
    Image,
    {
        "name": lambda i: i.name,
        "state": lambda i: i.state,
        "project_id": lambda i: i.project_id,
        "checksum": lambda i: i.checksum,
        "task_id": lambda i: i.task_id,
    },
    indexes=(("name",), ("project_id",), ("checksum",), ("state",)),
)

VMS: Final = Noun(
    "vms",
    Vm,
    {
        "project_id": lambda v: v.project_id,
        "name": lambda v: v.name,
        "state": lambda v: v.state,
        "host_id": lambda v: v.host_id,
        "image_id": lambda v: v.image_id,
        "flavor_id": lambda v: v.flavor_id,
        "task_id": lambda v: v.task_id,
    },
    indexes=(
        ("project_id",),
        ("project_id", "name"),
        ("host_id",),
        ("image_id",),
        ("flavor_id",),
    ),
)

# A table of its own, so that VMs without groups cost nothing, and the feed tells of the others.
MEMBERSHIPS: Final = Noun(
    "memberships",
    Membership,
    {"host_id": lambda m: m.host_id},
    indexes=(("host_id",),),
)

NICS: Final = Noun(
    "nics",
    Nic,
    {"vm_id": lambda n: n.vm_id, "subnet_id": lambda n: n.subnet_id},
    indexes=(("subnet_id",),),
    in_feed=False,
)

EPHEMERAL_DISKS: Final = Noun(
    "ephemeral_disks",
    EphemeralDisk,
    {"vm_id": lambda d: d.vm_id, "flavor_id": lambda d: d.flavor_id},
    indexes=(("flavor_id",),),
    in_feed=False,
)

DISKS: Final = Noun(
    "disks",
    PersistentDisk,
    {
        "project_id": lambda d: d.project_id,
        "name": lambda d: d.name,
        "state": lambda d: d.state,
        "flavor_id": lambda d: d.flavor_id,
        "host_id": lambda d: d.host_id,
        "datastore_id": lambda d: d.datastore_id,
        "vm_id": lambda d: d.vm_id,
        "task_id": lambda d: d.task_id,
    },
    indexes=(
        ("project_id",),
        ("project_id", "name"),
        ("flavor_id",),
        ("host_id",),
        ("datastore_id",),
    ),
)

SUBNETS: Final = Noun(
    "subnets",
    Subnet,
    {
        "name": lambda s: s.name,
        "state": lambda s: s.state,
        "is_default": lambda s: s.is_default,
    },
    indexes=(("name",), ("is_default",)),
    types={"is_default": bool},
)

PORT_GROUPS: Final = Noun(
    "port_groups",
    PortGroup,
    {"subnet_id": lambda p: p.subnet_id},
    indexes=(("subnet_id",),),
)

HOSTS: Final = Noun(
    "hosts",
    Host,
    {
        "address": lambda h: h.address,
        "state": lambda h: h.state,
        "zone_id": lambda h: h.zone_id,
        "task_id": lambda h: h.task_id,
    },
    unique=(("address",),),
    indexes=(("zone_id",), ("state",)),
)

# One row for each host that is MISSING, so a cloud that is well has none.
MISSING_HOSTS: Final = Noun(
    "missing_hosts", MissingHost, {"since_ms": lambda m: m.since_ms}, types={"since_ms": int}
)

DEBTS: Final = Noun(
    "debts",
    Debt,
    {"host_id": lambda d: d.host_id, "kind": lambda d: d.kind},
    indexes=(("host_id",), ("kind",)),
    in_feed=False,
)

ORPHANS: Final = Noun(
    "orphans",
    Orphan,
    {"host_id": lambda o: o.host_id},
    indexes=(("host_id",),),
    in_feed=False,
)

DATASTORES: Final = Noun("datastores", Datastore, {"name": lambda d: d.name})

HOST_DATASTORES: Final = Noun(
    "host_datastores",
    HostDatastore,
    {"host_id": lambda d: d.host_id, "datastore_id": lambda d: d.datastore_id},
    indexes=(("host_id",), ("datastore_id",)),
    in_feed=False,
)

# Sorted by id, so by datastore: the datastores with a tag are paged like all others.
DATASTORE_TAGS: Final = Noun(
    "datastore_tags",
    DatastoreTag,
    {"datastore_id": lambda t: t.datastore_id, "tag": lambda t: t.tag},
    indexes=(("tag",),),
    in_feed=False,
)

ZONES: Final = Noun(
    "zones",
    Zone,
    {"name": lambda z: z.name, "state": lambda z: z.state},
    indexes=(("name",), ("state",)),
)

SYSTEM: Final = Noun("system", System, {"state": lambda s: s.state})

TASKS: Final = Noun(
    "tasks",
    Task,
    {
        "entity_id": lambda t: t.entity_id,
        "entity_kind": lambda t: t.entity_kind,
        "project_id": lambda t: t.project_id,
        "state": lambda t: t.state,
        "owner": lambda t: t.owner,
    },
    indexes=(("entity_id",), ("project_id",), ("state",), ("owner",)),
)

TOMBSTONES: Final = Noun("tombstones", Tombstone, {"kind": lambda t: t.kind}, in_feed=False)

# Heartbeats are in the feed too: a few each second at most, and a departure is heard of at once.
MEMBERS: Final = Noun(
    "members", Member, {"name": lambda m: m.name, "component": lambda m: m.component}
)

OFFICES: Final = Noun("offices", Office, {"holder": lambda o: o.holder})

# How hosts are divided among leaves, and leaves among controllers: the chairman writes these.
TOPOLOGY: Final = Noun("topology", Topology, {})
LEAVES: Final = Noun("leaves", LeafRow, {"owner": lambda leaf: leaf.owner})
SEATS: Final = Noun("seats", HostSeat, {"leaf_id": lambda seat: seat.leaf_id})

IDEMPOTENT_ANSWERS: Final = Noun(
    "idempotent_answers",
    IdempotentAnswer,
    {"at_ms": lambda a: a.at_ms},
    indexes=(("at_ms",),),
    types={"at_ms": int},
    in_feed=False,
)

NOUNS: Final[tuple[Noun[Any], ...]] = (
    TENANTS,
    PROJECTS,
    FLAVORS,
    IMAGES,
    VMS,
    MEMBERSHIPS,
    NICS,
    EPHEMERAL_DISKS,
    DISKS,
    SUBNETS,
    PORT_GROUPS,
    HOSTS,
    MISSING_HOSTS,
    DEBTS,
    ORPHANS,
    DATASTORES,
    HOST_DATASTORES,
    DATASTORE_TAGS,
    ZONES,
    SYSTEM,
    TASKS,
    TOMBSTONES,
    MEMBERS,
    OFFICES,
    TOPOLOGY,
    LEAVES,
    SEATS,
    IDEMPOTENT_ANSWERS,
)
