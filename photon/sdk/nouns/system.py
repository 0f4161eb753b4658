"""The system as a whole."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from photon.sdk.operation import Face, Noun, listing, operation
from photon.sdk.request import Listing, Request, decoder, get, path, post, query
from photon.wire.v1.basics import StringList
from photon.wire.v1.system import (
    Audit,
    Auth,
    Available,
    Info,
    Orphan,
    SystemInfo,
    SystemProperties,
    SystemStatus,
    SystemUsage,
)
from photon.wire.v1.task import Task
from photon.wire.v1.topology import TopologyNode
from photon.wire.v1.vm import Vm


def audit_of(task: Task) -> Audit:
    """What an audit's task, which is COMPLETED, has found."""
    return msgspec.convert(task.resource_properties, Audit)


class System(Noun[Face]):
    @operation
    def available(self) -> Request[Available]:
        return get(path("available"), Available)

    @operation
    def version(self) -> Request[Info]:
        return get(path("info"), Info)

    @operation
    def auth(self) -> Request[Auth]:
        return get(path("system", "auth"), Auth)

    @operation
    def status(self) -> Request[SystemStatus]:
        """Of every part: controllers, their offices, store, coordination, agents."""
        return Request("GET", path("system", "status"), decoder(SystemStatus), query(parts="true"))

    @operation
    def info(self) -> Request[SystemInfo]:
        return get(path("system", "info"), SystemInfo)

    @operation
    def usage(self) -> Request[SystemUsage]:
        return get(path("system", "usage"), SystemUsage)

    @operation
    def properties(self) -> Request[SystemProperties]:
        return get(path("system", "properties"), SystemProperties)

    @listing
    def topology(self) -> Listing[TopologyNode]:
        """The nodes of the scheduler tree, parents before their children."""
        return Listing(path("system", "topology"), TopologyNode)

    @listing
    def vms(self) -> Listing[Vm]:
        """The VMs of the management project."""
        return Listing(path("system", "vms"), Vm)

    @listing
    def orphans(self) -> Listing[Orphan]:
        """What is on hosts and belongs to nobody, until it is removed."""
        return Listing(path("system", "orphans"), Orphan)

    @operation
    def audit(self) -> Request[Task]:
        """Checks every invariant; the answer of the task is read with `audit_of`."""
        return post(path("system", "audit"))

    @operation
    def pause(self) -> Request[Task]:
        """Nothing that writes runs until `resume`."""
        return post(path("system", "pause"))

    @operation
    def pause_background_tasks(self) -> Request[Task]:
        """What runs by itself rests until `resume`; the API works."""
        return post(path("system", "pause-background-tasks"))

    @operation
    def resume(self) -> Request[Task]:
        return post(path("system", "resume"))

    @operation
    def set_security_groups(self, groups: Sequence[str]) -> Request[Task]:
        return post(path("system", "set-security-groups"), StringList([*groups]))

    @operation
    def set_image_datastores(self, names: Sequence[str]) -> Request[Task]:
        """The set only grows."""
        return post(path("infrastructure", "image-datastores"), StringList([*names]))

    @operation
    def sync_hosts_config(self) -> Request[Task]:
        return post(path("infrastructure", "sync-hosts-config"))
