"""Every error that the control plane raises: code, remedy, and a sentence with the facts.

Codes and data are the contract's (section 5); the sentences are ours: what happened, with the
numbers, and what to do next. Errors of one room alone live in that room's `errors.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from photon.domain.errors import Kind, PhotonError


@dataclass(eq=False)
class NotFound(PhotonError):
    """Tenants, projects, tasks and routes share this code."""

    code, kind = "NotFound", Kind.NOT_FOUND
    text = "{noun} {id} does not exist, or was deleted; list what exists and name one of those"
    noun: str
    id: str


@dataclass(eq=False)
class EntityNotFound(PhotonError):
    """Base of the codes that are about one noun each."""

    kind = Kind.NOT_FOUND
    text = "{label} {id} does not exist, or was deleted; list what exists and name one of those"
    label: ClassVar[str]
    id: str

    def __str__(self) -> str:
        return self.text.format(label=self.label, id=self.id)


@dataclass(eq=False)
class VmNotFound(EntityNotFound):
    code, label = "VmNotFound", "VM"


@dataclass(eq=False)
class ImageNotFound(EntityNotFound):
    code, label = "ImageNotFound", "image"


@dataclass(eq=False)
class FlavorNotFound(EntityNotFound):
    code, label = "FlavorNotFound", "flavor"


@dataclass(eq=False)
class HostNotFound(EntityNotFound):
    code, label = "HostNotFound", "host"


@dataclass(eq=False)
class DatastoreNotFound(EntityNotFound):
    code, label = "DatastoreNotFound", "datastore"


@dataclass(eq=False)
class NetworkNotFound(EntityNotFound):
    code, label = "NetworkNotFound", "subnet"


@dataclass(eq=False)
class ZoneNotFound(EntityNotFound):
    code, label = "AvailabilityZoneNotFound", "availability zone"


@dataclass(eq=False)
class DiskNotFound(PhotonError):
    code, kind = "DiskNotFound", Kind.NOT_FOUND
    text = (
        "disk {id} does not exist, or was deleted; list the project's disks and name one of those"
    )
    id: str
    entity_kind: str = "persistent-disk"


@dataclass(eq=False)
class InvalidFlavor(PhotonError):
    code, kind = "InvalidFlavor", Kind.INVALID
    text = "there is no flavor named {flavor} of kind {entity_kind}; list the flavors of that kind"
    entity_kind: str
    flavor: str


@dataclass(eq=False)
class InvalidEntity(PhotonError):
    """The request is well-formed JSON that says something which cannot be."""

    code, kind, text = "InvalidEntity", Kind.INVALID, "{problem}"
    problem: str

    def wire_data(self) -> dict[str, str]:
        return {}


@dataclass(eq=False)
class InvalidJson(PhotonError):
    code, kind = "InvalidJson", Kind.INVALID
    text = "The supplied JSON could not be parsed: {problem}"
    problem: str

    def wire_data(self) -> dict[str, str]:
        return {}


@dataclass(eq=False)
class WrongReadiness(PhotonError):
    """Base: an image, flavor, subnet or zone is not in the state that its use needs."""

    kind = Kind.CONFLICT
    text = "{label} {id} is {state} and cannot be used for this; {advice}"
    label: ClassVar[str]
    advice: ClassVar[str] = "wait until it is READY, or name another one"
    id: str
    state: str

    def __str__(self) -> str:
        return self.text.format(label=self.label, id=self.id, state=self.state, advice=self.advice)


@dataclass(eq=False)
class InvalidImageState(WrongReadiness):
    code, label = "InvalidImageState", "image"


@dataclass(eq=False)
class InvalidFlavorState(WrongReadiness):
    code, label = "InvalidFlavorState", "flavor"


@dataclass(eq=False)
class InvalidNetworkState(WrongReadiness):
    code, label = "InvalidNetworkState", "subnet"


@dataclass(eq=False)
class InvalidZoneState(WrongReadiness):
    code, label = "InvalidAvailabilityZoneState", "availability zone"


@dataclass(eq=False)
class InvalidVmState(PhotonError):
    code, kind = "InvalidVmState", Kind.CONFLICT
    text = "VM {id} is {state}: {advice}"
    id: str
    state: str
    advice: str


@dataclass(eq=False)
class StateError(PhotonError):
    code, kind = "StateError", Kind.CONFLICT
    text = "{operation} is not possible for {entity_kind} {id} while it is {state}"
    id: str
    entity_kind: str
    operation: str
    state: str


@dataclass(eq=False)
class NameTaken(PhotonError):
    code, kind = "NameTaken", Kind.CONFLICT
    text = "{label} name '{name}' is taken already; choose another name"
    label: str
    name: str


@dataclass(eq=False)
class ContainerNotEmpty(PhotonError):
    code, kind = "ContainerNotEmpty", Kind.CONFLICT
    text = "{entity_kind} {id} is not empty: it still has {contents}; delete those first"
    entity_kind: str
    id: str
    contents: str


@dataclass(eq=False)
class QuotaError(PhotonError):
    """`limit`, `usage` and `new_usage` are line items: key, value, unit."""

    code, kind = "QuotaError", Kind.CAPACITY
    text = (
        "not enough quota: the limit is {limit}, {usage} is in use, and this would make it "
        "{new_usage}; free something or ask for a higher limit"
    )
    limit: str
    usage: str
    new_usage: str


@dataclass(eq=False)
class InvalidFlavorSpecification(PhotonError):
    code, kind, text = "InvalidFlavorSpecification", Kind.INVALID, "{problem}"
    problem: str


@dataclass(eq=False)
class PersistentDiskAttached(PhotonError):
    code, kind = "PersistentDiskAttached", Kind.CONFLICT
    text = "disk {disk_kind}#{disk_id} is attached to VM#{vm_id}; detach it first"
    vm_id: str
    disk_id: str
    disk_kind: str = "persistent-disk"


@dataclass(eq=False)
class InvalidOperation(PhotonError):
    code, kind, text = "InvalidOperation", Kind.INVALID, "{problem}"
    problem: str

    def wire_data(self) -> dict[str, str]:
        return {}


@dataclass(eq=False)
class ConcurrentTask(PhotonError):
    code, kind = "ConcurrentTask", Kind.CONFLICT
    text = "{entity_kind} {id} is being worked on by task {task_id}; try again when that has ended"
    entity_kind: str
    id: str
    task_id: str


@dataclass(eq=False)
class InvalidQueryParams(PhotonError):
    code, kind, text = "InvalidQueryParams", Kind.INVALID, "{problem}"
    problem: str

    def wire_data(self) -> dict[str, str]:
        return {}


@dataclass(eq=False)
class InvalidPageSize(PhotonError):
    code, kind = "InvalidPageSize", Kind.INVALID
    text = "the page size {page_size} is not between {min_page_size} and {max_page_size}"
    page_size: str
    min_page_size: int
    max_page_size: int


@dataclass(eq=False)
class PageExpired(PhotonError):
    code, kind = "PageExpired", Kind.NOT_FOUND
    text = "page {page_link} has expired or never was; list again from the first page"
    page_link: str


@dataclass(eq=False)
class HostHasVms(PhotonError):
    code, kind = "HostHasVms", Kind.CONFLICT
    text = "host {id} still has {vm_count} VMs; delete or move them first"
    id: str
    vm_count: int


@dataclass(eq=False)
class DuplicateHost(PhotonError):
    code, kind = "DuplicateHost", Kind.CONFLICT
    text = "a host with the address {ip} is registered already"
    ip: str


@dataclass(eq=False)
class InvalidLoginCredentials(PhotonError):
    code, kind = "InvalidLoginCredentials", Kind.INVALID
    text = "the agent at {address} does not accept this user name and password; check both"
    address: str


@dataclass(eq=False)
class HostProvisionFailed(PhotonError):
    code, kind = "HostProvisionFailed", Kind.UNAVAILABLE
    text = "host {address} could not be provisioned: {cause}"
    address: str
    cause: str


@dataclass(eq=False)
class HostAvailabilityZoneAlreadySet(PhotonError):
    code, kind = "HostAvailabilityZoneAlreadySet", Kind.CONFLICT
    text = "host {id} is in availability zone {zone_id} already; a host's zone is set once"
    id: str
    zone_id: str


@dataclass(eq=False)
class PortGroupsDoNotExist(PhotonError):
    code, kind = "PortGroupsDoNotExist", Kind.INVALID
    text = "no host has the port groups {port_group}; name those that hosts report"
    port_group: str


@dataclass(eq=False)
class PortGroupAlreadyAddedToSubnet(PhotonError):
    code, kind = "PortGroupAlreadyAddedToSubnet", Kind.CONFLICT
    text = "port group {port_group} belongs to subnet {network} already"
    port_group: str
    network: str


@dataclass(eq=False)
class InvalidImageDatastoreSet(PhotonError):
    code, kind = "InvalidImageDatastoreSet", Kind.INVALID
    text = "the image datastores {proposed} leave out some of {existing}; the set only grows"
    proposed: str
    existing: str


@dataclass(eq=False)
class InvalidAuthConfig(PhotonError):
    code, kind, text = "InvalidAuthConfig", Kind.INVALID, "{problem}"
    problem: str

    def wire_data(self) -> dict[str, str]:
        return {}


@dataclass(eq=False)
class InvalidSecurityGroupFormat(PhotonError):
    code, kind = "InvalidSecurityGroupFormat", Kind.INVALID
    text = "'{security_group}' is not a security group; write it as domain\\group"
    security_group: str


@dataclass(eq=False)
class OutOfThreadPoolWorker(PhotonError):
    code, kind = "OutOfThreadPoolWorker", Kind.UNAVAILABLE
    text = "the system is busy with other tasks; try again in {retry_after_seconds} s"
    retry_after_seconds: int = 1


@dataclass(eq=False)
class AuditUnderWay(PhotonError):
    """Beyond the contract: answered with 429."""

    code, kind = "AuditUnderWay", Kind.UNAVAILABLE
    text = "an audit is under way already; follow its task {task_id}, and audit again when it ended"
    task_id: str


@dataclass(eq=False)
class ControllerLeaving(PhotonError):
    """Load balancers are told before it stops serving."""

    code, kind = "OutOfThreadPoolWorker", Kind.UNAVAILABLE
    text = "this controller is about to stop; ask another one"


@dataclass(eq=False)
class SystemPaused(PhotonError):
    code, kind = "SystemPaused", Kind.DENIED
    text = "the system is paused by its operator; only reading and resuming work now"


@dataclass(eq=False)
class IdempotencyKeyReused(PhotonError):
    """Beyond the contract: answered with 422."""

    code, kind = "IdempotencyKeyReused", Kind.INVALID
    text = "the Idempotency-Key {key} was used for another request; take a new key"
    key: str


@dataclass(eq=False)
class Contended(PhotonError):
    code, kind = "ConcurrentTask", Kind.CONFLICT
    text = "{entity_kind} {id} is being changed by others all the time; try again"
    entity_kind: str
    id: str


@dataclass(eq=False)
class InternalError(PhotonError):
    code, kind = "InternalError", Kind.BUG
    text = "request {request_id} failed: {problem}"
    request_id: str
    problem: str
