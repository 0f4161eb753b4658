"""What the Go SDK reads, with every member that the contract documents (sections 2 and 1.1)."""

from __future__ import annotations

from tests.clients.go_json import (
    BOOL,
    FLOAT,
    INT,
    STRING,
    STRING_MAP,
    STRINGS,
    Anything,
    ListOf,
    MapOf,
    OneOf,
    Set,
    Shape,
    Struct,
)

ID = Set(STRING)
UNIT = OneOf(("GB", "MB", "KB", "B", "COUNT"))
READINESS = OneOf(("CREATING", "READY", "PENDING_DELETE", "ERROR"))
VM_STATE = OneOf(("CREATING", "STARTED", "SUSPENDED", "STOPPED", "ERROR"))
DISK_STATE = OneOf(("CREATING", "DETACHED", "ATTACHED", "ERROR"))
TASK_STATE = OneOf(("QUEUED", "STARTED", "ERROR", "COMPLETED"))
STATUS = OneOf(("READY", "INITIALIZING", "UNREACHABLE", "ERROR", "PARTIAL_ERROR"))


def page_of(item: Shape) -> Struct:
    return Struct(
        {"items": ListOf(item), "nextPageLink": STRING, "previousPageLink": STRING},
    )


def entity(kind: str, **members: Shape) -> Struct:
    base: dict[str, Shape] = {"id": ID, "selfLink": ID, "kind": OneOf((kind,)), "name": ID}
    return Struct(base | members)


API_ERROR = Struct({"code": ID, "message": ID, "data": STRING_MAP})
LINE_ITEM = Struct({"key": ID, "value": FLOAT, "unit": UNIT})
COST = ListOf(LINE_ITEM)
STEP = Struct(
    {
        "sequence": Set(INT),
        "state": TASK_STATE,
        "operation": ID,
        "errors": ListOf(API_ERROR),
        "warnings": ListOf(API_ERROR),
        "queuedTime": INT,
        "startedTime": INT,
        "endTime": INT,
        "options": STRING_MAP,
    }
)
TASK = Struct(
    {
        "id": ID,
        "selfLink": ID,
        "kind": OneOf(("task",)),
        "entity": Set(Struct({"id": ID, "kind": ID})),
        "state": TASK_STATE,
        "steps": ListOf(STEP),
        "operation": ID,
        "queuedTime": Set(INT),
        "startedTime": INT,
        "endTime": INT,
        "resourceProperties": Anything(),
    }
)
QUOTA = Struct({"quotaItems": MapOf(Struct({"limit": FLOAT, "usage": FLOAT, "unit": UNIT}))})
GROUPS = ListOf(Struct({"name": STRING, "inherited": BOOL}))
TENANT = entity("tenant", tags=STRINGS, securityGroups=GROUPS, quota=Set(QUOTA))
PROJECT = entity("project", tags=STRINGS, securityGroups=GROUPS, quota=Set(QUOTA))
FLAVOR = Struct(
    {
        "id": ID,
        "selfLink": ID,
        "name": ID,
        "kind": OneOf(("vm", "ephemeral-disk", "persistent-disk")),
        "tags": STRINGS,
        "state": READINESS,
        "cost": COST,
    }
)
IMAGE = entity(
    "image",
    tags=STRINGS,
    state=READINESS,
    size=Set(INT),
    replicationType=OneOf(("EAGER", "ON_DEMAND")),
    settings=ListOf(Struct({"name": STRING, "defaultValue": STRING})),
    replicationProgress=Set(STRING),
    seedingProgress=Set(STRING),
    scope=Set(Struct({"kind": OneOf(("deployment", "project")), "id": STRING})),
)
ATTACHED_DISK = Struct(
    {
        "id": ID,
        "name": ID,
        "kind": OneOf(("ephemeral-disk", "persistent-disk")),
        "flavor": ID,
        "state": DISK_STATE,
        "capacityGb": Set(INT),
        "bootDisk": Set(BOOL),
    }
)
ISO = Struct({"id": ID, "name": STRING, "kind": STRING, "size": INT})
VM = entity(
    "vm",
    flavor=ID,
    cost=COST,
    tags=STRINGS,
    state=VM_STATE,
    attachedDisks=ListOf(ATTACHED_DISK),
    sourceImageId=STRING,
    host=STRING,
    datastore=STRING,
    attachedIsos=ListOf(ISO),
    metadata=STRING_MAP,
    floatingIp=STRING,
)
PERSISTENT_DISK = entity(
    "persistent-disk",
    flavor=ID,
    cost=COST,
    tags=STRINGS,
    state=DISK_STATE,
    datastore=STRING,
    capacityGb=Set(INT),
    vms=STRINGS,
)
EPHEMERAL_DISK = entity(
    "ephemeral-disk",
    flavor=ID,
    cost=COST,
    tags=STRINGS,
    state=DISK_STATE,
    datastore=STRING,
    capacityGb=Set(INT),
)
SUBNET = entity(
    "subnet",
    tags=STRINGS,
    description=STRING,
    type=OneOf(("NAT", "NO_NAT", "PROVIDER", "PORT_GROUP")),
    isDefault=Set(BOOL),
    privateIpCidr=STRING,
    state=READINESS,
    reservedIps=STRING_MAP,
    portGroups=Set(Struct({"names": STRINGS})),
    dnsServerAddresses=STRINGS,
)
ZONE = entity("availability-zone", tags=STRINGS, state=READINESS)
HOST = Struct(
    {
        "id": ID,
        "selfLink": ID,
        "kind": OneOf(("host",)),
        "address": ID,
        "username": ID,
        "password": ID,
        "usageTags": ListOf(OneOf(("MGMT", "CLOUD"))),
        "availabilityZone": STRING,
        "metadata": STRING_MAP,
        "esxVersion": STRING,
        "state": OneOf(
            ("CREATING", "NOT_PROVISIONED", "READY", "MAINTENANCE", "SUSPENDED", "ERROR")
        ),
    }
)
DATASTORE = Struct(
    {"id": ID, "selfLink": ID, "kind": OneOf(("datastore",)), "tags": STRINGS, "type": ID}
)
INFO = Struct(
    {
        "baseVersion": ID,
        "fullVersion": ID,
        "gitCommitHash": STRING,
        "networkType": OneOf(("PHYSICAL", "SOFTWARE_DEFINED")),
    }
)
AUTH = Struct({"enabled": BOOL, "endpoint": STRING, "port": INT, "domain": STRING})
AUTH_INFO = Struct(
    {
        **AUTH.members,
        "tenant": STRING,
        "username": STRING,
        "password": STRING,
        "securityGroups": Anything(),
        "uiLoginEndpoint": STRING,
        "uiLogoutEndpoint": STRING,
    }
)
SYSTEM_INFO = Struct(
    {
        **INFO.members,
        "syslogEndpoint": STRING,
        "ntpEndpoint": STRING,
        "stats": Struct(
            {"enabled": BOOL, "storeEndpoint": STRING, "storePort": INT, "storeType": STRING}
        ),
        "imageDatastores": STRINGS,
        "useImageDatastoreForVms": BOOL,
        "state": OneOf(("READY", "PAUSED", "BACKGROUND_PAUSED")),
        "auth": AUTH_INFO,
        "networkConfiguration": Struct({"sdnEnabled": BOOL, "floatingIpRange": Struct()}),
        "loadBalancerEnabled": BOOL,
        "loadBalancerAddress": STRING,
        "serviceConfigurations": ListOf(Struct({"type": STRING, "imageId": STRING})),
    }
)
STATUS_OF_SYSTEM = Struct(
    {
        "status": STATUS,
        "components": ListOf(
            Struct(
                {
                    "component": OneOf(("PHOTON_CONTROLLER",)),
                    "status": STATUS,
                    "message": STRING,
                    "stats": STRING_MAP,
                    "buildInfo": STRING,
                    "instances": ListOf(
                        Struct(
                            {
                                "address": ID,
                                "status": STATUS,
                                "message": STRING,
                                "stats": STRING_MAP,
                                "buildInfo": STRING,
                            }
                        )
                    ),
                }
            )
        ),
    }
)
USAGE = Struct(
    {
        f"number{noun}": Set(INT)
        for noun in ("Hosts", "VMs", "Tenants", "Projects", "Datastores", "Services")
    }
)
NETWORKS_OF_VM = Struct(
    {
        "networkConnections": ListOf(
            Struct(
                {
                    "network": STRING,
                    "macAddress": ID,
                    "ipAddress": STRING,
                    "netmask": STRING,
                    "isConnected": OneOf(("True", "False", "Unknown")),
                }
            )
        )
    }
)
MKS_TICKET = Struct(
    {
        "host": ID,
        "port": Set(INT),
        "cfg_file": STRING,
        "ticket": ID,
        "ssl_thumbprint": STRING,
    }
)
