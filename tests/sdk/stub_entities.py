"""What the stub answers: entities in the contract's shape, made from the specs it is sent."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

HOST_ADDRESS = "10.0.0.3"
DATASTORE_ID = "ds-local-1"
ORPHAN: Json = {
    "id": "orphan",
    "kind": "vm",
    "hostId": "host",
    "hostAddress": HOST_ADDRESS,
    "reason": "there is no such VM",
    "seenTime": 1_700_000_000_000,
    "removalTime": 1_700_000_300_000,
}


def cost(spec: Json) -> list[Json]:
    return [{"key": "vm.cpu", "value": 1.0, "unit": "COUNT"}, *spec.get("cost", [])][-8:]


def tenant(spec: Json) -> Json:
    groups = [{"name": name, "inherited": False} for name in spec.get("securityGroups") or []]
    quota = spec.get("quota") or {}
    items = {key: {"usage": 0.0, **item} for key, item in (quota.get("quotaItems") or {}).items()}
    return {"kind": "tenant", "securityGroups": groups, "quota": {"quotaItems": items}}


def project(spec: Json) -> Json:
    own = {"kind": "project", "tenantId": spec["parent"], "placement": {"strategy": "SPREAD"}}
    return {**tenant(spec), **own}


def flavor(spec: Json) -> Json:
    return {"kind": spec["kind"], "state": "READY", "cost": spec["cost"]}


def image(spec: Json) -> Json:
    return {
        "kind": "image",
        "state": "READY",
        "size": spec.get("size", 0),
        "replicationType": spec["replicationType"],
        "settings": [],
        "replicationProgress": "100%",
        "seedingProgress": "100%",
        "scope": {"kind": "deployment", "id": None},
    }


def vm(spec: Json) -> Json:
    disks = [
        {
            "id": f"disk-of-{disk['name']}",
            "name": disk["name"],
            "kind": "ephemeral-disk",
            "flavor": disk["flavor"],
            "state": "ATTACHED",
            "capacityGb": disk.get("capacityGb") or 0,
            "bootDisk": bool(disk.get("bootDisk")),
        }
        for disk in spec["attachedDisks"]
    ]
    return {
        "kind": "vm",
        "state": "STOPPED",
        "flavor": spec["flavor"],
        "cost": cost(spec),
        "tags": spec.get("tags") or [],
        "attachedDisks": disks,
        "sourceImageId": spec.get("sourceImageId"),
        "host": HOST_ADDRESS,
        "datastore": DATASTORE_ID,
        "attachedIsos": [],
        "metadata": spec.get("metadata") or {},
        "floatingIp": None,
        "projectId": spec["parent"],
        "hostState": "ACTIVE",
        "placement": None,
        "stateReason": None,
    }


def disk(spec: Json) -> Json:
    return {
        "kind": "persistent-disk",
        "state": "DETACHED",
        "flavor": spec["flavor"],
        "cost": cost(spec),
        "datastore": DATASTORE_ID,
        "capacityGb": spec["capacityGb"],
        "vms": [],
    }


def host(spec: Json) -> Json:
    return {
        "kind": "host",
        "address": spec["address"],
        "username": spec["username"],
        "password": spec["password"],
        "usageTags": spec["usageTags"],
        "availabilityZone": spec.get("availabilityZone"),
        "metadata": spec.get("metadata") or {},
        "esxVersion": None,
        "state": "NOT_PROVISIONED",
        "agentState": None,
        "missingSinceTime": None,
        "missingReason": None,
    }


def datastore(spec: Json) -> Json:
    return {"kind": "datastore", "type": "EXT3", "tags": spec.get("tags", ["LOCAL_VMFS"])}


def zone(spec: Json) -> Json:
    return {"kind": "availability-zone", "state": "READY"}


def subnet(spec: Json) -> Json:
    return {
        "kind": "subnet",
        "description": spec.get("description"),
        "type": spec.get("type") or "PORT_GROUP",
        "isDefault": False,
        "privateIpCidr": spec.get("privateIpCidr"),
        "state": "READY",
        "reservedIps": {},
        "portGroups": spec.get("portGroups") or {"names": []},
        "dnsServerAddresses": spec.get("dnsServerAddresses") or [],
    }


MAKERS = {
    "tenants": tenant,
    "projects": project,
    "flavors": flavor,
    "images": image,
    "vms": vm,
    "disks": disk,
    "hosts": host,
    "datastores": datastore,
    "zones": zone,
    "subnets": subnet,
}
OPERATION_NOUNS = {
    "tenants": "TENANT",
    "projects": "PROJECT",
    "flavors": "FLAVOR",
    "images": "IMAGE",
    "vms": "VM",
    "disks": "DISK",
    "hosts": "HOST",
    "zones": "AVAILABILITYZONE",
    "subnets": "NETWORK",
}

INFO = {
    "baseVersion": "1.2.0",
    "fullVersion": "1.2.0-abc1234",
    "gitCommitHash": "abc1234",
    "networkType": "PHYSICAL",
}
SYSTEM: dict[str, Json] = {
    "available": {},
    "info": INFO,
    "system/auth": {"enabled": False, "endpoint": None, "port": None, "domain": None},
    "system/status": {
        "status": "READY",
        "components": [
            {
                "component": "PHOTON_CONTROLLER",
                "status": "READY",
                "instances": [{"address": "127.0.0.1", "status": "READY"}],
            }
        ],
    },
    "system/topology": {
        "items": [
            {"id": "root", "kind": "ROOT", "state": "READY", "version": 5, "children": 1},
            {
                "id": "leaf-1",
                "kind": "LEAF",
                "state": "READY",
                "version": 5,
                "parentId": "root",
                "hosts": 3,
                "hostsReady": 3,
                "load": 0.25,
            },
        ],
        "nextPageLink": None,
        "previousPageLink": None,
    },
    "system/usage": {
        "numberHosts": 3,
        "numberVMs": 7,
        "numberTenants": 1,
        "numberProjects": 2,
        "numberDatastores": 3,
        "numberServices": 0,
    },
    "system/properties": {"quorum": 1, "Quorum": 1},
    "system/info": {
        **INFO,
        "state": "READY",
        "syslogEndpoint": None,
        "ntpEndpoint": None,
        "stats": {},
        "imageDatastores": ["ds-1"],
        "useImageDatastoreForVms": True,
        "auth": {},
        "networkConfiguration": {},
        "loadBalancerEnabled": False,
        "loadBalancerAddress": None,
        "serviceConfigurations": [],
    },
}


def placement(vm: Json) -> Json:
    level = {"chosen": "host-3", "seen": 5, "fitting": 4, "asked": 1, "score": 0.5}
    return {
        "vmId": vm["id"],
        "host": HOST_ADDRESS,
        "datastore": DATASTORE_ID,
        "score": 0.5,
        "levels": [{**level, "parts": {"spread": 0.4, "image": 0.1}}],
        "refusals": ["10.0.0.9"],
    }


_NEAREST = {
    "host": HOST_ADDRESS,
    "lacks": [{"reason": "TOO_LITTLE_MEMORY", "needed": 4096, "free": 1024}],
}
_REFUSAL = {
    "hostsAsked": 5,
    "reasons": [{"reason": "TOO_LITTLE_MEMORY", "hosts": 5, "needed": 4096, "best": 1024}],
    "nearest": _NEAREST,
}
DRY_RUN: Json = {
    "kind": "vmDryRun",
    "fits": False,
    "cost": [],
    "error": {"code": "NotEnoughMemoryResource", "message": "5 hosts asked", "data": {}},
    "refusal": _REFUSAL,
}
AUDITED: Json = {
    "findings": [],
    "unlisted": 0,
    "hosts": 3,
    "hostsSilent": 1,
    "quotasUnsettled": 0,
}
CAPACITY: Json = {
    "kind": "capacity",
    "count": 7,
    "onHosts": 9,
    "withinQuota": 7,
    "exact": True,
    "asked": None,
    "fits": None,
    "runsOutFirst": {"what": "QUOTA", "explanation": "the quota is full", "key": "vm.cpu"},
    "refusal": _REFUSAL,
    "zones": [{"id": "z", "name": "rack-1", "count": 9, "what": "TOO_LITTLE_MEMORY"}],
}

SLOW_NOUNS = frozenset({"vms", "disks", "images", "hosts"})
STEPS = {
    "CREATE_VM": ["RESERVE_RESOURCE", "CREATE_VM"],
    "CREATE_DISK": ["RESERVE_RESOURCE", "CREATE_DISK"],
    "CREATE_IMAGE": ["UPLOAD_IMAGE", "REPLICATE_IMAGE"],
}
