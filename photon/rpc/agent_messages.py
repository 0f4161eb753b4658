"""Between thrift's structs of the agent service and the domain's: `x_of` reads, `x_to` writes.

Every field of the thrift file that has no default there is required: a struct that lacks one is
refused as a whole, so that no None walks into code that was told it cannot be.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from photon.domain.guest import (
    AgentRefusal,
    CapturedImage,
    ConsoleTicket,
    Guest,
    GuestDisk,
    GuestNic,
    GuestSpec,
    GuestState,
    HostCapacity,
    HostDatastore,
    HostDisk,
    HostMode,
    HostReport,
    ImageSource,
    Inventory,
    NetworkConnection,
    Provision,
    Refusal,
    ReportBatch,
)
from photon.rpc.errors import BadArguments
from photon.rpc.service import Service, find_thrift_file, load_service


@cache
def agent_service() -> Service:
    """The agent's service; its thrift file is read the first time."""
    return load_service(find_thrift_file("agent.thrift"), "Agent")


_structs: Any = agent_service().structs


def _whole(struct: Any) -> Any:
    """The struct itself. BadArguments if a field is missing."""
    members: dict[str, Any] = vars(struct)
    if None in members.values():
        absent = sorted(name for name, value in members.items() if value is None)
        raise BadArguments(f"{type(struct).__name__} lacks {', '.join(absent)}")
    return struct


# Refusals


def refusal_of(refused: Any) -> Refusal:
    """A refusal as the agent meant it; a reason newer than this program is DRIVER_FAILED."""
    known = refused.code in AgentRefusal.__members__
    code = AgentRefusal(refused.code) if known else AgentRefusal.DRIVER_FAILED
    return Refusal(code, refused.message or "the agent gave no reason", **(refused.data or {}))


def refusal_to(refusal: Refusal) -> Any:
    return _structs.Refused(refusal.code.value, refusal.message, refusal.facts)


# Specifications, as controllers send them


def image_of(image: Any) -> ImageSource:
    image = _whole(image)
    return ImageSource(image.id, image.checksum, image.size_bytes, image.url)


def image_to(image: ImageSource) -> Any:
    return _structs.ImageSource(image.id, image.checksum, image.size_bytes, image.url)


def disk_of(disk: Any) -> GuestDisk:
    disk = _whole(disk)
    return GuestDisk(disk.id, disk.capacity_gib, disk.boot, disk.persistent, disk.datastore_id)


def disk_to(disk: GuestDisk) -> Any:
    return _structs.GuestDisk(
        disk.id, disk.capacity_gib, disk.boot, disk.persistent, disk.datastore_id
    )


def spec_of(spec: Any) -> GuestSpec:
    spec = _whole(spec)
    return GuestSpec(
        spec.vm_id,
        spec.name,
        spec.cpus,
        spec.memory_mib,
        spec.datastore_id,
        image_of(spec.image),
        tuple([disk_of(disk) for disk in spec.disks]),
        tuple([_nic_of(nic) for nic in spec.nics]),
        spec.environment,
        spec.project_id,
    )


def _nic_of(nic: Any) -> GuestNic:
    nic = _whole(nic)
    return GuestNic(nic.network, nic.mac_address)


def spec_to(spec: GuestSpec) -> Any:
    return _structs.GuestSpec(
        spec.vm_id,
        spec.name,
        spec.cpus,
        spec.memory_mib,
        spec.datastore_id,
        image_to(spec.image),
        [disk_to(disk) for disk in spec.disks],
        [_structs.GuestNic(nic.network, nic.mac_address) for nic in spec.nics],
        spec.environment,
        spec.project_id,
    )


def provision_of(request: Any) -> Provision:
    request = _whole(request)
    return Provision(
        request.host_id,
        request.address,
        request.username,
        request.password,
        request.cpu_overcommit,
        request.memory_overcommit,
        tuple(request.allowed_datastores),
        request.fence,
    )


def provision_to(request: Provision) -> Any:
    return _structs.Provision(
        request.host_id,
        request.address,
        request.username,
        request.password,
        request.cpu_overcommit,
        request.memory_overcommit,
        request.allowed_datastores,
        request.fence,
    )


# What hosts hold, as agents tell it


def guest_of(guest: Any) -> Guest:
    guest = _whole(guest)
    return Guest(
        guest.vm_id,
        guest.name,
        _guest_state(guest.state),
        guest.cpus,
        guest.memory_mib,
        guest.datastore_id,
        tuple([disk_of(disk) for disk in guest.disks]),
        guest.fence,
    )


def guest_to(guest: Guest) -> Any:
    return _structs.Guest(
        guest.vm_id,
        guest.state,
        guest.cpus,
        guest.memory_mib,
        guest.datastore_id,
        [disk_to(disk) for disk in guest.disks],
        guest.fence,
        guest.name,
    )


def host_disk_of(disk: Any) -> HostDisk:
    disk = _whole(disk)
    return HostDisk(
        disk.disk_id, disk.capacity_gib, disk.datastore_id, disk.attached_vm_id, disk.fence
    )


def host_disk_to(disk: HostDisk) -> Any:
    return _structs.HostDisk(
        disk.disk_id, disk.capacity_gib, disk.datastore_id, disk.attached_vm_id, disk.fence
    )


def datastore_of(datastore: Any) -> HostDatastore:
    datastore = _whole(datastore)
    return HostDatastore(
        datastore.id,
        datastore.name,
        datastore.type,
        frozenset(datastore.tags),
        datastore.capacity_gib,
        datastore.free_gib,
        datastore.image_datastore,
    )


def datastore_to(datastore: HostDatastore) -> Any:
    return _structs.Datastore(
        datastore.id,
        datastore.name,
        datastore.type,
        sorted(datastore.tags),
        datastore.capacity_gib,
        datastore.free_gib,
        datastore.image_datastore,
    )


def inventory_of(inventory: Any) -> Inventory:
    inventory = _whole(inventory)
    capacity = _whole(inventory.capacity)
    return Inventory(
        host_id=inventory.host_id,
        generation=inventory.generation,
        mode=_host_mode(inventory.mode),
        capacity=HostCapacity(
            cpus=capacity.cpus,
            memory_mib=capacity.memory_mib,
            datastores=tuple([datastore_of(each) for each in capacity.datastores]),
            networks=tuple(capacity.networks),
            hypervisor=capacity.hypervisor,
            cpu_overcommit=capacity.cpu_overcommit,
            memory_overcommit=capacity.memory_overcommit,
        ),
        guests=tuple([guest_of(guest) for guest in inventory.guests]),
        disks=tuple([host_disk_of(disk) for disk in inventory.disks]),
        image_checksums=tuple(inventory.image_checksums),
    )


def inventory_to(inventory: Inventory) -> Any:
    capacity = inventory.capacity
    return _structs.Inventory(
        inventory.host_id,
        inventory.generation,
        inventory.mode,
        _structs.HostCapacity(
            capacity.cpus,
            capacity.memory_mib,
            [datastore_to(datastore) for datastore in capacity.datastores],
            capacity.networks,
            capacity.hypervisor,
            capacity.cpu_overcommit,
            capacity.memory_overcommit,
        ),
        [guest_to(guest) for guest in inventory.guests],
        [host_disk_to(disk) for disk in inventory.disks],
        inventory.image_checksums,
    )


def batch_of(batch: Any) -> ReportBatch:
    batch = _whole(batch)
    return ReportBatch(
        boot_id=batch.boot_id,
        cursor=batch.cursor,
        hosts=None if batch.same_hosts else tuple(batch.hosts),
        reports=tuple([_report_of(report) for report in batch.reports]),
        more=batch.more,
    )


def batch_to(batch: ReportBatch) -> Any:
    reports = [_report_to(report) for report in batch.reports]
    same_hosts = batch.hosts is None
    return _structs.ReportBatch(
        batch.boot_id, batch.cursor, batch.hosts or (), reports, batch.more, same_hosts
    )


def _report_of(report: Any) -> HostReport:
    report = _whole(report)
    return HostReport(
        host_id=report.host_id,
        generation=report.generation,
        mode=_host_mode(report.mode),
        datastores=tuple([datastore_of(datastore) for datastore in report.datastores]),
        guests=tuple([guest_of(guest) for guest in report.guests]),
        disks=tuple([host_disk_of(disk) for disk in report.disks]),
        gone_guests=tuple(report.gone_guests),
        gone_disks=tuple(report.gone_disks),
        full=report.full,
    )


def _report_to(report: HostReport) -> Any:
    return _structs.HostReport(
        report.host_id,
        report.generation,
        report.mode,
        [datastore_to(datastore) for datastore in report.datastores],
        [guest_to(guest) for guest in report.guests],
        [host_disk_to(disk) for disk in report.disks],
        report.gone_guests,
        report.gone_disks,
        report.full,
    )


# Small answers


def connection_of(connection: Any) -> NetworkConnection:
    connection = _whole(connection)
    return NetworkConnection(
        connection.network,
        connection.mac_address,
        connection.ip_address,
        connection.netmask,
        connection.connected,
    )


def connection_to(connection: NetworkConnection) -> Any:
    return _structs.NetworkConnection(
        connection.network,
        connection.mac_address,
        connection.ip_address,
        connection.netmask,
        connection.connected,
    )


def ticket_of(ticket: Any) -> ConsoleTicket:
    ticket = _whole(ticket)
    return ConsoleTicket(
        ticket.host,
        ticket.port,
        ticket.path,
        ticket.ticket,
        ticket.valid_seconds,
        ticket.ssl_thumbprint,
    )


def ticket_to(ticket: ConsoleTicket) -> Any:
    return _structs.ConsoleTicket(
        ticket.host,
        ticket.port,
        ticket.path,
        ticket.ticket,
        ticket.valid_seconds,
        ticket.ssl_thumbprint,
    )


def capture_of(capture: Any) -> CapturedImage:
    capture = _whole(capture)
    return CapturedImage(
        capture.url, capture.checksum, capture.virtual_size_bytes, capture.file_size_bytes
    )


def capture_to(capture: CapturedImage) -> Any:
    return _structs.CapturedImage(
        capture.url, capture.checksum, capture.virtual_size_bytes, capture.file_size_bytes
    )


def _guest_state(number: int) -> GuestState:
    try:
        return GuestState(number)
    except ValueError as problem:
        raise BadArguments(f"{number} is no state of a guest") from problem


def _host_mode(number: int) -> HostMode:
    try:
        return HostMode(number)
    except ValueError as problem:
        raise BadArguments(f"{number} is no mode of a host") from problem
