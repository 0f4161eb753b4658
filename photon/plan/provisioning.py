"""Makes a simulated cloud ready for a plan: its hosts, and what VMs are made from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from photon.domain.flavor import FlavorKind
from photon.domain.host import AGENT_ENDPOINT_KEY, UsageTag
from photon.domain.image import Image, ReplicationType
from photon.domain.overcommit import CPU_OVERCOMMIT_KEY, MEMORY_OVERCOMMIT_KEY
from photon.domain.quota import QuotaUnit
from photon.domain.readiness import Readiness
from photon.domain.subnet import SubnetType
from photon.plan.bounded import bounded
from photon.plan.client import PlanClient
from photon.plan.hosts import HostPlan, PlannedHost
from photon.plan.progress import Progress
from photon.plan.site import at_once
from photon.plan.workload import PlannedFlavor, WorkloadPlan
from photon.simulation.agents import CREDENTIALS
from photon.store.nouns import IMAGES
from photon.store.protocol import CloudStore, Insert
from photon.wire.v1.basics import QuotaLineItem
from photon.wire.v1.flavor import FlavorCreateSpec
from photon.wire.v1.host import HostCreateSpec
from photon.wire.v1.subnet import PortGroups, SubnetCreateSpec
from photon.wire.v1.tenancy import ProjectCreateSpec, TenantCreateSpec

IMAGE_NAME: Final = "plan"
IMAGE_FILE_BYTES: Final = 1 << 30  # Only shown; nothing is copied.


@dataclass(frozen=True, slots=True)
class Ground:
    """Ids of what VMs stand on; by name, zones and subnets."""

    project_id: str
    image_id: str
    zone_ids: dict[str, str]
    subnet_ids: dict[str, str]
    host_ids: dict[str, str]  # by address


class Provisioning:
    def __init__(self, client: PlanClient, store: CloudStore, progress: Progress) -> None:
        self._client = client
        self._store = store
        self._progress = progress

    async def run(
        self, hosts: HostPlan, workload: WorkloadPlan, endpoints: dict[str, str]
    ) -> Ground:
        """`endpoints` are those of the hosts' agents, by address."""
        client = self._client
        zones = {zone: await client.make("/v1/zones", {"name": zone}) for zone in hosts.zones}
        tenant = await client.make("/v1/tenants", TenantCreateSpec("plan"))
        project = await client.make(f"/v1/tenants/{tenant}/projects", ProjectCreateSpec("plan"))
        for flavor in workload.flavors:
            await self._flavor(flavor)
        registered = await bounded(
            (self._host(host, zones, endpoints[host.address]) for host in hosts.hosts),
            at_once(hosts),
        )
        # Only now: a subnet's port groups are those that hosts say they have.
        subnets = {
            network: await self._subnet(number, network)
            for number, network in enumerate(hosts.networks)
        }
        await client.do(f"/v1/subnets/{subnets[hosts.networks[0]]}/set_default")
        image_id = await self._image(workload.image_gib)
        return Ground(project, image_id, zones, subnets, dict(registered))

    async def _host(
        self, host: PlannedHost, zones: dict[str, str], endpoint: str
    ) -> tuple[str, str]:
        spec = HostCreateSpec(
            address=host.address,
            username=CREDENTIALS.username,
            password=CREDENTIALS.password,
            usage_tags=[UsageTag.CLOUD],
            availability_zone=zones.get(host.zone),
            metadata={
                AGENT_ENDPOINT_KEY: endpoint,
                CPU_OVERCOMMIT_KEY: f"{host.group.cpu_overcommit:g}",
                MEMORY_OVERCOMMIT_KEY: f"{host.group.memory_overcommit:g}",
            },
        )
        host_id = await self._client.make("/v1/infrastructure/hosts", spec)
        await self._client.make(f"/v1/infrastructure/hosts/{host_id}/provision", None)
        self._progress.step()
        return host.address, host_id

    async def _flavor(self, flavor: PlannedFlavor) -> None:
        cost = [
            QuotaLineItem("vm.count", 1.0, QuotaUnit.COUNT),
            QuotaLineItem("vm.cpu", float(flavor.cpus), QuotaUnit.COUNT),
            QuotaLineItem("vm.memory", float(flavor.memory_mib), QuotaUnit.MB),
        ]
        await self._client.make("/v1/flavors", FlavorCreateSpec(flavor.name, "vm", cost))
        kind = FlavorKind.EPHEMERAL_DISK
        disk = [QuotaLineItem("ephemeral-disk", 1.0, QuotaUnit.COUNT)]
        disk += [QuotaLineItem(f"storage.{tag}", 1.0, QuotaUnit.COUNT) for tag in flavor.tags]
        name = disk_flavor(flavor)
        await self._client.make("/v1/flavors", FlavorCreateSpec(name, kind, disk))

    async def _subnet(self, number: int, network: str) -> str:
        spec = SubnetCreateSpec(
            f"network-{number + 1}",
            description=network,
            type=SubnetType.PORT_GROUP,
            port_groups=PortGroups([network]),
        )
        return await self._client.make("/v1/subnets", spec)

    async def _image(self, gib: int) -> str:
        """Written into the store: an upload needs a file, and what unpacks it."""
        image = Image(
            id="01980000-0000-7000-8000-000000000001",
            name=IMAGE_NAME,
            replication_type=ReplicationType.ON_DEMAND,
            state=Readiness.READY,
            size_bytes=gib << 30,
            file_size_bytes=IMAGE_FILE_BYTES,
            checksum=hashlib.sha256(IMAGE_NAME.encode()).hexdigest(),
        )
        await self._store.commit([Insert(IMAGES, image)])
        return image.id


def disk_flavor(flavor: PlannedFlavor) -> str:
    """Of all its VMs' disks: a flavor of theirs says on which datastores they may lie."""
    return flavor.name
