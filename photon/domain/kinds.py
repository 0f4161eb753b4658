"""The `kind` of each thing, as the wire and the tasks name it (contract, 2.1)."""

from __future__ import annotations

from enum import StrEnum


class EntityKind(StrEnum):
    TENANT = "tenant"
    PROJECT = "project"
    FLAVOR = "flavor"
    IMAGE = "image"
    VM = "vm"
    PERSISTENT_DISK = "persistent-disk"
    EPHEMERAL_DISK = "ephemeral-disk"
    SUBNET = "subnet"
    HOST = "host"
    DATASTORE = "datastore"
    ZONE = "availability-zone"
    DEPLOYMENT = "deployment"
    TASK = "task"
