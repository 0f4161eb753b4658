"""VMs and persistent disks."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from photon.sdk.operation import Face, Noun, listing, operation, watching
from photon.sdk.request import Listing, Request, decoder, delete, get, path, post, query
from photon.sdk.watching import Watch
from photon.wire.v1.capacity import Capacity, CapacitySpec
from photon.wire.v1.disk import DiskCreateSpec, EphemeralDisk, PersistentDisk
from photon.wire.v1.image import ImageCreateSpec
from photon.wire.v1.placement import VmDryRun, VmPlacement
from photon.wire.v1.task import Task
from photon.wire.v1.vm import Tag, Vm, VmCreateSpec, VmDiskOperation, VmMetadata


class ConsoleKind(StrEnum):
    SERIAL = "serial"  # text
    VNC = "vnc"  # the screen, as RFC 6143 has it


class Vms(Noun[Face]):
    @operation
    def create(self, project_id: str, spec: VmCreateSpec) -> Request[Task]:
        return post(path("projects", project_id, "vms"), spec)

    @operation
    def dry_run(self, project_id: str, spec: VmCreateSpec) -> Request[VmDryRun]:
        """What would become of it; nothing is done."""
        where = path("projects", project_id, "vms")
        body = msgspec.json.encode(spec)
        return Request("POST", where, decoder(VmDryRun), query(dry_run="true"), body)

    @operation
    def capacity(self, project_id: str, spec: CapacitySpec) -> Request[Capacity]:
        """How many more of such VMs fit, and what runs out first."""
        where = path("projects", project_id, "capacity")
        return Request("POST", where, decoder(Capacity), body=msgspec.json.encode(spec))

    @listing
    def list(self, project_id: str, *, name: str | None = None) -> Listing[Vm]:
        return Listing(path("projects", project_id, "vms"), Vm, query(name=name))

    @watching
    def watch(
        self, project_id: str, *, name: str | None = None, since: str | None = None
    ) -> Watch[Vm]:
        """The changes of that list, as they come."""
        return Watch(Listing(path("projects", project_id, "vms"), Vm, query(name=name)), since)

    @operation
    def get(self, vm_id: str) -> Request[Vm]:
        return get(path("vms", vm_id), Vm)

    @operation
    def placement(self, vm_id: str) -> Request[VmPlacement]:
        """Why the VM is where it is."""
        return get(path("vms", vm_id, "placement"), VmPlacement)

    @operation
    def delete(self, vm_id: str) -> Request[Task]:
        return delete(path("vms", vm_id))

    @listing
    def tasks(self, vm_id: str, *, state: str | None = None) -> Listing[Task]:
        return Listing(path("vms", vm_id, "tasks"), Task, query(state=state))

    @operation
    def start(self, vm_id: str) -> Request[Task]:
        return post(path("vms", vm_id, "start"))

    @operation
    def stop(self, vm_id: str) -> Request[Task]:
        return post(path("vms", vm_id, "stop"))

    @operation
    def restart(self, vm_id: str) -> Request[Task]:
        return post(path("vms", vm_id, "restart"))

    @operation
    def suspend(self, vm_id: str) -> Request[Task]:
        return post(path("vms", vm_id, "suspend"))

    @operation
    def resume(self, vm_id: str) -> Request[Task]:
        return post(path("vms", vm_id, "resume"))

    @operation
    def attach_disk(self, vm_id: str, disk_id: str) -> Request[Task]:
        return post(path("vms", vm_id, "attach_disk"), VmDiskOperation(disk_id))

    @operation
    def detach_disk(self, vm_id: str, disk_id: str) -> Request[Task]:
        return post(path("vms", vm_id, "detach_disk"), VmDiskOperation(disk_id))

    @operation
    def networks(self, vm_id: str) -> Request[Task]:
        """A task whose resourceProperties are VmNetworks once it is COMPLETED."""
        return get(path("vms", vm_id, "subnets"), Task)

    @operation
    def mks_ticket(self, vm_id: str) -> Request[Task]:
        """A task whose resourceProperties are an MksTicket once it is COMPLETED."""
        return get(path("vms", vm_id, "mks_ticket"), Task)

    @operation
    def console_ticket(self, vm_id: str, kind: ConsoleKind) -> Request[Task]:
        """A task whose resourceProperties are a ConsoleTicket once it is COMPLETED."""
        where = path("vms", vm_id, "console_ticket")
        return Request("POST", where, decoder(Task), {"kind": kind.value})

    @operation
    def set_metadata(self, vm_id: str, metadata: Mapping[str, str]) -> Request[Task]:
        """Replaces all of it."""
        return post(path("vms", vm_id, "set_metadata"), VmMetadata(dict(metadata)))

    @operation
    def add_tag(self, vm_id: str, tag: str) -> Request[Task]:
        return post(path("vms", vm_id, "tags"), Tag(tag))

    @operation
    def create_image(self, vm_id: str, spec: ImageCreateSpec) -> Request[Task]:
        """The VM must be STOPPED. The task's entity is the new image."""
        return post(path("vms", vm_id, "create_image"), spec)


class Disks(Noun[Face]):
    @operation
    def create(self, project_id: str, spec: DiskCreateSpec) -> Request[Task]:
        return post(path("projects", project_id, "disks"), spec)

    @listing
    def list(self, project_id: str, *, name: str | None = None) -> Listing[PersistentDisk]:
        return Listing(path("projects", project_id, "disks"), PersistentDisk, query(name=name))

    @watching
    def watch(
        self, project_id: str, *, name: str | None = None, since: str | None = None
    ) -> Watch[PersistentDisk]:
        """The changes of that list, as they come."""
        return Watch(
            Listing(path("projects", project_id, "disks"), PersistentDisk, query(name=name)), since
        )

    @operation
    def get(self, disk_id: str) -> Request[PersistentDisk | EphemeralDisk]:
        return Request("GET", path("disks", disk_id), _disk)

    @operation
    def delete(self, disk_id: str) -> Request[Task]:
        return delete(path("disks", disk_id))

    @listing
    def tasks(self, disk_id: str, *, state: str | None = None) -> Listing[Task]:
        return Listing(path("disks", disk_id, "tasks"), Task, query(state=state))


class _KindOnly(msgspec.Struct):
    kind: str


def _disk(body: bytes) -> PersistentDisk | EphemeralDisk:
    kind: _KindOnly = decoder(_KindOnly)(body)
    sort = EphemeralDisk if kind.kind.startswith("ephemeral") else PersistentDisk
    disk: PersistentDisk | EphemeralDisk = decoder(sort)(body)
    return disk
