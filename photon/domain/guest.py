"""What an agent and its driver know: guests, their disks, and the host that holds them.

A *guest* is a virtual machine as a host sees it; a *VM* is what the control plane promised its
owner. Amounts are MiB of memory and GiB of disk.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import msgspec

from photon.domain.overcommit import CPU_OVERCOMMIT, MEMORY_OVERCOMMIT


class GuestState(IntEnum):
    STOPPED = 1
    STARTED = 2
    SUSPENDED = 3
    ERROR = 4  # the driver cannot tell, or cannot mend it


class HostMode(IntEnum):
    NORMAL = 1
    ENTERING_MAINTENANCE = 2  # nothing new; becomes MAINTENANCE when the last guest is gone
    MAINTENANCE = 3
    DEPROVISIONED = 4


class PowerOp(IntEnum):
    START = 1
    STOP = 2  # orderly first, hard after a deadline
    RESTART = 3  # only when started
    SUSPEND = 4  # only when started or suspended
    RESUME = 5


class ConsoleKind(IntEnum):
    SERIAL = 1
    VNC = 2


class AgentRefusal(StrEnum):
    """Every reason for which an agent says no. The controller maps each to a code of the API."""

    BAD_CREDENTIALS = "BAD_CREDENTIALS"
    OTHER_PLANE = "OTHER_PLANE"  # provisioned with another host id
    HOST_NOT_FOUND = "HOST_NOT_FOUND"
    HOST_HAS_GUESTS = "HOST_HAS_GUESTS"
    WRONG_MODE = "WRONG_MODE"  # the host takes nothing new now
    STALE_FENCE = "STALE_FENCE"
    NOT_ENOUGH_CPU = "NOT_ENOUGH_CPU"
    NOT_ENOUGH_MEMORY = "NOT_ENOUGH_MEMORY"
    NOT_ENOUGH_DATASTORE = "NOT_ENOUGH_DATASTORE"
    DATASTORE_NOT_FOUND = "DATASTORE_NOT_FOUND"
    NETWORK_NOT_FOUND = "NETWORK_NOT_FOUND"
    ALREADY_EXISTS = "ALREADY_EXISTS"  # another guest or disk of that id, made from another spec
    VM_NOT_FOUND = "VM_NOT_FOUND"
    DISK_NOT_FOUND = "DISK_NOT_FOUND"
    DISK_ATTACHED = "DISK_ATTACHED"  # to another VM, or in the way of a delete
    DISK_NOT_ATTACHED = "DISK_NOT_ATTACHED"
    NOT_POWERED_OFF = "NOT_POWERED_OFF"
    WRONG_POWER_STATE = "WRONG_POWER_STATE"
    TOO_MANY_DISKS = "TOO_MANY_DISKS"
    IMAGE_UNAVAILABLE = "IMAGE_UNAVAILABLE"  # cannot be fetched, or its checksum differs
    IMAGE_IN_USE = "IMAGE_IN_USE"
    TICKET_UNAVAILABLE = "TICKET_UNAVAILABLE"
    BUSY = "BUSY"  # a bound of the agent is reached: try again
    DRIVER_FAILED = "DRIVER_FAILED"  # the hypervisor said something that nobody foresaw


class Refusal(Exception):
    """An agent's no: a reason, a sentence, and data. Crosses the wire as thrift's `Refused`."""

    def __init__(self, code: AgentRefusal, message: str, **facts: object) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = {name: str(value) for name, value in facts.items()}


class HostDatastore(msgspec.Struct, frozen=True):
    id: str
    name: str
    type: str  # LOCAL_VMFS, SHARED_VMFS, NFS_3, NFS_41, VSAN, EXT3, OTHER
    tags: frozenset[str]
    capacity_gib: int
    free_gib: int
    image_datastore: bool = True


class HostCapacity(msgspec.Struct, frozen=True):
    """What a host has, before overcommit, and by how much its agent goes beyond (0: not said)."""

    cpus: int
    memory_mib: int
    datastores: tuple[HostDatastore, ...]
    networks: tuple[str, ...]  # port groups
    hypervisor: str
    cpu_overcommit: float = 0.0
    memory_overcommit: float = 0.0


class ImageSource(msgspec.Struct, frozen=True):
    """Where a host gets an image that it lacks. Images on hosts are known by their checksum."""

    id: str
    checksum: str  # sha256 of the qcow2 file, lowercase hex
    size_bytes: int  # of the file
    url: str


class GuestDisk(msgspec.Struct, frozen=True):
    id: str
    capacity_gib: int
    boot: bool = False
    persistent: bool = False
    datastore_id: str = ""


class GuestNic(msgspec.Struct, frozen=True):
    network: str  # the name of a port group
    mac_address: str


class GuestSpec(msgspec.Struct, frozen=True):
    """All that a host needs to make a guest. `disks` has one boot disk and no persistent ones."""

    vm_id: str
    name: str
    cpus: int
    memory_mib: int
    datastore_id: str
    image: ImageSource
    disks: tuple[GuestDisk, ...]
    nics: tuple[GuestNic, ...] = ()
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    project_id: str = ""


class Guest(msgspec.Struct, frozen=True):
    vm_id: str
    name: str
    state: GuestState
    cpus: int
    memory_mib: int
    datastore_id: str
    disks: tuple[GuestDisk, ...] = ()  # attached persistent ones too
    fence: int = 0


class HostDisk(msgspec.Struct, frozen=True):
    """A persistent disk on one of the host's datastores."""

    disk_id: str
    capacity_gib: int
    datastore_id: str
    attached_vm_id: str = ""
    fence: int = 0


class Inventory(msgspec.Struct, frozen=True):
    """All that a host holds; `generation` rises with every change of it."""

    host_id: str
    generation: int
    mode: HostMode
    capacity: HostCapacity
    guests: tuple[Guest, ...] = ()
    disks: tuple[HostDisk, ...] = ()
    image_checksums: tuple[str, ...] = ()


class HostReport(msgspec.Struct, frozen=True):
    """What changed on a host; with `full`, all there is. Mirrors thrift's HostReport."""

    host_id: str
    generation: int
    mode: HostMode
    datastores: tuple[HostDatastore, ...]
    guests: tuple[Guest, ...] = ()
    disks: tuple[HostDisk, ...] = ()
    gone_guests: tuple[str, ...] = ()
    gone_disks: tuple[str, ...] = ()
    full: bool = False


class ReportBatch(msgspec.Struct, frozen=True):
    """The heartbeat of all hosts of one agent process, and the reports of those that changed.

    `hosts` None: the same as in the last answer that this reader got.
    """

    boot_id: str
    cursor: int
    hosts: tuple[str, ...] | None
    reports: tuple[HostReport, ...] = ()
    more: bool = False


class Provision(msgspec.Struct, frozen=True):
    host_id: str
    address: str
    username: str
    password: str
    cpu_overcommit: float = CPU_OVERCOMMIT
    memory_overcommit: float = MEMORY_OVERCOMMIT
    allowed_datastores: tuple[str, ...] = ()  # empty: all
    fence: int = 0


class NetworkConnection(msgspec.Struct, frozen=True):
    network: str
    mac_address: str
    ip_address: str = ""  # empty while unknown
    netmask: str = ""
    connected: bool = False


class ConsoleTicket(msgspec.Struct, frozen=True):
    """Opens one console once, within `valid_seconds`, at ws://host:port/path?ticket=..."""

    host: str
    port: int
    path: str
    ticket: str
    valid_seconds: int
    ssl_thumbprint: str = ""


class CapturedImage(msgspec.Struct, frozen=True):
    url: str
    checksum: str
    virtual_size_bytes: int
    file_size_bytes: int
