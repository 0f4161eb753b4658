"""Gives an empty cloud what a first VM needs, through the public API; twice is once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from photon.domain.host import AGENT_ENDPOINT_KEY, HostState, UsageTag
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

TENANT: Final = "demo"
PROJECT: Final = "demo"
SUBNET: Final = "demo-network"
IMAGE: Final = "photon-demo"
VM_FLAVOR: Final = "demo-tiny"
BOOT_FLAVOR: Final = "demo-boot"
DATA_FLAVOR: Final = "demo-data"
TASK_SECONDS_MAX: Final = 120.0  # The longest checks and stores the image.

_LIMITS: Final = (
    ("vm.count", 100_000.0, QuotaUnit.COUNT),
    ("vm.cpu", 400_000.0, QuotaUnit.COUNT),
    ("vm.memory", 400_000.0, QuotaUnit.GB),
)
_FLAVORS: Final = (
    (
        VM_FLAVOR,
        "vm",
        [
            ("vm.count", 1.0, QuotaUnit.COUNT),
            ("vm.cpu", 1.0, QuotaUnit.COUNT),
            ("vm.memory", 128.0, QuotaUnit.MB),
        ],
    ),
    (BOOT_FLAVOR, "ephemeral-disk", [("ephemeral-disk", 1.0, QuotaUnit.COUNT)]),
    (DATA_FLAVOR, "persistent-disk", [("persistent-disk", 1.0, QuotaUnit.COUNT)]),
)

Named = TypeVar("Named")


@dataclass(frozen=True, slots=True)
class HostSeed:
    """A host to register: its address, and where its agent listens."""

    address: str
    agent_endpoint: str


@dataclass(frozen=True, slots=True)
class Seeded:
    """Ids of what the demo stands on, and the address of the host that has QEMU."""

    project_id: str
    image_id: str
    real_host: str


class Seeder:
    """`say` is told each thing that is made."""

    def __init__(self, client: Client, say: Callable[[str], None]) -> None:
        self._client = client
        self._say = say

    def hosts(self, seeds: Iterable[HostSeed]) -> None:
        """Registers and provisions those that are not READY yet, several at a time."""
        known = {host.address: host for host in self._client.hosts.list()}
        fresh = [seed for seed in seeds if seed.address not in known]
        tasks = [
            self._client.hosts.create(
                HostCreateSpec(
                    address=seed.address,
                    username="photon",
                    password="photon",  # noqa: S106  # the devbox's agents take anybody's
                    usage_tags=[UsageTag.CLOUD],
                    metadata={AGENT_ENDPOINT_KEY: seed.agent_endpoint},
                )
            )
            for seed in fresh
        ]
        ids = [self._done(task).entity.id for task in tasks]
        ids += [host.id for host in known.values() if host.state is HostState.NOT_PROVISIONED]
        for task in [self._client.hosts.provision(host_id) for host_id in ids]:
            self._done(task)
        if ids:
            self._say(f"{len(ids)} hosts registered and provisioned")

    def demo(self, image_file: Path, port_group: str, real_host: str) -> Seeded:
        """Subnet, flavors, tenant with quota, project and image."""
        self._subnet(port_group)
        self._flavors()
        tenant_id = self._tenant()
        return Seeded(self._project(tenant_id), self._image(image_file), real_host)

    def _subnet(self, port_group: str) -> None:
        known = _first(self._client.subnets.list(name=SUBNET))
        if known is None:
            spec = SubnetCreateSpec(
                SUBNET,
                description="Where VMs are that name no subnet",
                type=SubnetType.PORT_GROUP,
                port_groups=PortGroups([port_group]),
            )
            subnet_id = self._done(self._client.subnets.create(spec)).entity.id
            self._done(self._client.subnets.set_default(subnet_id))
            self._say(f"subnet {SUBNET} on port group '{port_group}', the default")

    def _flavors(self) -> None:
        for name, kind, cost in _FLAVORS:
            if _first(self._client.flavors.list(name=name, kind=kind)) is None:
                items = [QuotaLineItem(*item) for item in cost]
                self._done(self._client.flavors.create(FlavorCreateSpec(name, kind, items)))
                self._say(f"flavor {name} ({kind})")

    def _tenant(self) -> str:
        known = _first(self._client.tenants.list(name=TENANT))
        if known is not None:
            return known.id
        task = self._client.tenants.create(TenantCreateSpec(TENANT, quota=_quota(1.0)))
        self._say(f"tenant {TENANT} with its quota")
        return self._done(task).entity.id

    def _project(self, tenant_id: str) -> str:
        known = _first(self._client.projects.list(tenant_id, name=PROJECT))
        if known is not None:
            return known.id
        spec = ProjectCreateSpec(PROJECT, quota=_quota(0.5))
        self._say(f"project {PROJECT} with half of that quota")
        return self._done(self._client.projects.create(tenant_id, spec)).entity.id

    def _image(self, file: Path) -> str:
        for image in self._client.images.list(name=IMAGE):
            if image.state == "READY":
                return image.id
        with file.open("rb") as content:
            task = self._client.images.upload(
                ImageUpload(name=IMAGE, file=content, replication=ReplicationType.ON_DEMAND)
            )
        self._say(f"image {IMAGE}, {file.stat().st_size >> 20} MiB")
        return self._done(task).entity.id

    def _done(self, task: Task) -> Task:
        return self._client.tasks.wait(task.id, TASK_SECONDS_MAX)


def _quota(share: float) -> Quota:
    return Quota({key: QuotaStatusLineItem(limit * share, unit) for key, limit, unit in _LIMITS})


def _first(items: Iterable[Named]) -> Named | None:
    return next(iter(items), None)
