"""A plan's hosts as the scheduler believes in them: the production tree, leaves, filters, policy.

What is placed is held for good; agents "make" it when some more were asked for, as when many are
made at a time: only then does the host have the image. Nothing is waited for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from photon.domain.demand import (
    Demand,
    DiskDemand,
    DiskPlacement,
    NoPlacement,
    Placement,
)
from photon.domain.fits import Capacity
from photon.domain.guest import HostMode, Inventory
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.domain.placement_asked import RuleAsked, group_keys, group_rules
from photon.plan.hosts import HostPlan, PlannedHost
from photon.plan.placing.clock import VM_SECONDS, CountedClock
from photon.plan.site import at_once
from photon.plan.vms import rules_of
from photon.plan.workload import Wants, WorkloadPlan
from photon.scheduler.capacity import capacity_of
from photon.scheduler.policy import SUMMARY_SECONDS, Policy
from photon.scheduler.tree import Tree

PROJECT: Final = "plan"  # All VMs are one project's, so that sets know each other.
IMAGE: Final = "plan"
FOR_EVER: Final = float("inf")  # No agent reports what it has, so no claim may end by itself.
# A refusal may rest on a summary that is old; after two of its periods it does not.
LOOK_AGAIN_SECONDS: Final = 2 * SUMMARY_SECONDS


@dataclass(slots=True)
class Placed:
    """One VM, and where it lies."""

    set_name: str
    wants: Wants
    demand: Demand
    placement: Placement

    @property
    def address(self) -> str:
        return self.placement.host_id


class PlacingCloud:
    """Hosts have their addresses for ids. `placed` is what lies on each, by address."""

    def __init__(self, hosts: HostPlan, workload: WorkloadPlan, random: Random) -> None:
        self.hosts = hosts
        self.workload = workload
        self.placed: dict[str, dict[str, Placed]] = {host.address: {} for host in hosts.hosts}
        self._clock = CountedClock()
        policy = Policy(
            lease_seconds=FOR_EVER, grace_seconds=FOR_EVER, failover_share=hosts.failover_share
        )
        self._tree = Tree(self._clock, random, policy=policy)
        self._count = 0
        self._at_once = at_once(hosts)
        self._making: dict[str, tuple[Demand, Placement]] = {}  # promised, in order
        for host in hosts.hosts:
            self._tree.put_host(_view(host))
            self._tree.report(Inventory(host.address, 1, HostMode.NORMAL, host.capacity()))

    async def place(self, set_name: str, wants: Wants) -> Placed | NoPlacement:
        """One VM more, as a member of the set; "": of none."""
        self._count += 1
        demand = self.demand_of(f"vm-{self._count}", set_name, wants)
        found = await self._place(demand)
        if isinstance(found, NoPlacement):
            return found
        placed = Placed(set_name, wants, demand, found)
        self.placed[placed.address][demand.id] = placed
        return placed

    async def settle(self) -> None:
        """All that was promised is made now, as when a whole set was waited for."""
        for vm_id in list(self._making):
            await self._confirm(vm_id)

    async def put(self, placed: Placed) -> None:
        """It lies there already, room or not."""
        await self._tree.root.hold(placed.demand, placed.placement)
        await self._tree.root.confirm(placed.demand, placed.placement)
        self.placed[placed.address][placed.demand.id] = placed

    async def remove(self, placed: Placed) -> None:
        self._making.pop(placed.demand.id, None)
        await self._tree.root.release(placed.demand.id, placed.address)
        del self.placed[placed.address][placed.demand.id]

    def go_missing(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            self._tree.missing(address)
        self._clock.pass_by(LOOK_AGAIN_SECONDS)

    def come_back(self, addresses: Iterable[str]) -> None:
        for address in addresses:
            self._tree.back(address)
        self._clock.pass_by(LOOK_AGAIN_SECONDS)

    async def foretold(self, wants: Wants, zone: str = "") -> Capacity:
        """What `photon capacity` would answer, for all hosts or those of one zone."""
        demand = self.demand_of("", "", wants, zone)
        return capacity_of(await self._tree.root.fits(demand))

    def on(self, addresses: Iterable[str]) -> list[Placed]:
        return [placed for address in addresses for placed in self.placed[address].values()]

    def audit(self) -> list[str]:
        """What is wrong with the scheduler's books; nothing, or there is a bug."""
        return self._tree.audit()

    def demand_of(self, vm_id: str, set_name: str, wants: Wants, zone: str = "") -> Demand:
        """What the API makes of a VM that is asked for in this way."""
        flavor = self.workload.flavor(wants.flavor)
        tags = frozenset(flavor.tags)
        sizes = (self.workload.image_gib, *flavor.disks_gib)
        rules = [RuleAsked(rule.affinity, rule.group, None, rule.hard, rule.host_max, rule.zone_max)
                 for rule in rules_of(wants)]  # fmt: skip
        return Demand(
            id=vm_id,
            cpus=flavor.cpus,
            memory_mib=flavor.memory_mib,
            disks=tuple(DiskDemand(f"{vm_id}/{n}", gib, tags) for n, gib in enumerate(sizes)),
            project_id=PROJECT,
            networks=wants.networks or self.hosts.networks[:1],
            zone_id=zone or wants.zone or None,
            image_checksum=IMAGE,
            groups=group_keys(PROJECT, [set_name] if set_name else [], []),
            rules=group_rules(PROJECT, rules),
            strategy=wants.policy,
        )

    async def _place(self, demand: Demand) -> Placement | NoPlacement:
        root = self._tree.root
        self._clock.pass_by(VM_SECONDS)
        found = await root.place(demand)
        if isinstance(found, NoPlacement):
            self._clock.pass_by(LOOK_AGAIN_SECONDS)
            found = await root.place(demand)
        if isinstance(found, Placement):
            self._making[demand.id] = demand, found
            if len(self._making) > self._at_once:
                await self._confirm(next(iter(self._making)))
        return found

    async def _confirm(self, vm_id: str) -> None:
        await self._tree.root.confirm(*self._making.pop(vm_id))


def placement_on(demand: Demand, address: str, datastore_ids: Sequence[str]) -> Placement:
    """Of what lies on a host already; `datastore_ids` are by disk."""
    disks = tuple(
        DiskPlacement(disk.id, id) for disk, id in zip(demand.disks, datastore_ids, strict=True)
    )
    return Placement(demand.id, address, address, "", datastore_ids[0], disks)


def _view(host: PlannedHost) -> HostView:
    return HostView(
        id=host.address,
        address=host.address,
        agent_endpoint="",
        state=HostState.READY,
        usage_tags=frozenset({UsageTag.CLOUD}),
        zone_id=host.zone or None,
        cpu_overcommit=host.group.cpu_overcommit,
        memory_overcommit=host.group.memory_overcommit,
    )
