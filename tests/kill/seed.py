"""What a cloud needs before its first VM, made through the client."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from photon.domain.host import AGENT_ENDPOINT_KEY, UsageTag
from photon.domain.image import ReplicationType
from photon.domain.quota import QuotaUnit
from photon.domain.subnet import SubnetType
from photon.sdk.client import Client
from photon.sdk.nouns.catalogue import ImageUpload
from photon.wire.v1.basics import QuotaLineItem
from photon.wire.v1.flavor import FlavorCreateSpec
from photon.wire.v1.host import HostCreateSpec
from photon.wire.v1.subnet import PortGroups, SubnetCreateSpec
from photon.wire.v1.task import Task
from photon.wire.v1.tenancy import ProjectCreateSpec, Quota, QuotaStatusLineItem, TenantCreateSpec

VM_FLAVOR: Final = "tiny"
BOOT_FLAVOR: Final = "boot"
DATA_FLAVOR: Final = "data"
IMAGE_BYTES: Final = 1 << 20

_LIMITS: Final = (
    ("vm.count", 10_000.0, QuotaUnit.COUNT),
    ("vm.memory", 200_000.0, QuotaUnit.GB),  # past what a double's decimals can say of bytes
)
_FLAVORS: Final = (
    (
        VM_FLAVOR,
        "vm",
        ("vm.count", 1.0, QuotaUnit.COUNT),
        ("vm.cpu", 1.0, QuotaUnit.COUNT),
        ("vm.memory", 100.0, QuotaUnit.MB),
    ),
    (BOOT_FLAVOR, "ephemeral-disk", ("ephemeral-disk", 1.0, QuotaUnit.COUNT)),
    (DATA_FLAVOR, "persistent-disk", ("persistent-disk", 1.0, QuotaUnit.COUNT)),
)


@dataclass(frozen=True)
class Seeded:
    project_id: str
    image_id: str


def seed(client: Client, endpoint: str, addresses: Sequence[str], folder: Path) -> Seeded:
    """Hosts behind one agent, and a project that may have VMs on them."""
    add_hosts(client, endpoint, addresses)
    network = SubnetCreateSpec(
        "net", "", type=SubnetType.PORT_GROUP, port_groups=PortGroups(["VM Network"])
    )
    subnet_id = _made(client, client.subnets.create(network))
    client.tasks.wait(client.subnets.set_default(subnet_id).id)
    for name, kind, *cost in _FLAVORS:
        items = [QuotaLineItem(*item) for item in cost]
        _made(client, client.flavors.create(FlavorCreateSpec(name, kind, items)))
    tenant = TenantCreateSpec("tenant", quota=_quota(1.0))
    tenant_id = _made(client, client.tenants.create(tenant))
    project = ProjectCreateSpec("project", quota=_quota(0.5))
    project_id = _made(client, client.projects.create(tenant_id, project))
    return Seeded(project_id, _image(client, folder / "image.raw"))


def add_hosts(client: Client, endpoint: str, addresses: Sequence[str]) -> None:
    specs = [
        HostCreateSpec(
            address=address,
            username="root",
            password="secret",
            usage_tags=[UsageTag.CLOUD],
            metadata={AGENT_ENDPOINT_KEY: endpoint},
        )
        for address in addresses
    ]
    added = [client.hosts.create(spec) for spec in specs]
    host_ids = [_made(client, task) for task in added]
    for task in [client.hosts.provision(host_id) for host_id in host_ids]:
        client.tasks.wait(task.id)


def _image(client: Client, file: Path) -> str:
    content = bytearray(IMAGE_BYTES)
    content[510:512] = b"\x55\xaa"  # a boot record's signature: the least that is an image
    file.write_bytes(content)
    with file.open("rb") as opened:
        upload = ImageUpload("image", opened, ReplicationType.ON_DEMAND)
        return _made(client, client.images.upload(upload))


def _made(client: Client, task: Task) -> str:
    return client.tasks.wait(task.id).entity.id


def _quota(share: float) -> Quota:
    return Quota({key: QuotaStatusLineItem(limit * share, unit) for key, limit, unit in _LIMITS})
