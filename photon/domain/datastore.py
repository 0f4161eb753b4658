"""A datastore: where hosts keep disks and images. Discovered from hosts, never requested."""

from __future__ import annotations

import msgspec


class Datastore(msgspec.Struct, frozen=True):
    """`id` is what the hosts that have it say it is."""

    id: str
    name: str
    type: str
    tags: tuple[str, ...]
    capacity_gib: int
    image_datastore: bool = True
    generation: int = 0


class HostDatastore(msgspec.Struct, frozen=True):
    """That a host reaches a datastore. Its id is both ids with a slash between."""

    id: str
    host_id: str
    datastore_id: str
    generation: int = 0


class DatastoreTag(msgspec.Struct, frozen=True):
    """That a datastore has a tag. Its id is the datastore's and the tag with a slash between."""

    id: str
    datastore_id: str
    tag: str
    generation: int = 0
