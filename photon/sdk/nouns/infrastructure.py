"""What the operator looks after: hosts, datastores, availability zones and subnets."""

from __future__ import annotations

from collections.abc import Sequence

from photon.sdk.operation import Face, Noun, listing, operation, watching
from photon.sdk.request import Listing, Request, delete, get, patch, path, post, query
from photon.sdk.watching import Watch
from photon.wire.v1.host import (
    Datastore,
    Host,
    HostCreateSpec,
    HostSetAvailabilityZoneOperation,
    Zone,
    ZoneCreateSpec,
)
from photon.wire.v1.subnet import PortGroups, Subnet, SubnetCreateSpec, SubnetUpdateSpec
from photon.wire.v1.task import Task
from photon.wire.v1.vm import Vm


class Hosts(Noun[Face]):
    @operation
    def create(self, spec: HostCreateSpec) -> Request[Task]:
        return post(_host(), spec)

    @listing
    def list(self) -> Listing[Host]:
        return Listing(_host(), Host)

    @watching
    def watch(self, *, since: str | None = None) -> Watch[Host]:
        """The changes of that list, as they come."""
        return Watch(Listing(_host(), Host), since)

    @operation
    def get(self, host_id: str) -> Request[Host]:
        return get(_host(host_id), Host)

    @operation
    def delete(self, host_id: str) -> Request[Task]:
        return delete(_host(host_id))

    @listing
    def tasks(self, host_id: str, *, state: str | None = None) -> Listing[Task]:
        return Listing(_host(host_id, "tasks"), Task, query(state=state))

    @listing
    def vms(self, host_id: str) -> Listing[Vm]:
        return Listing(_host(host_id, "vms"), Vm)

    @operation
    def provision(self, host_id: str) -> Request[Task]:
        return post(_host(host_id, "provision"))

    @operation
    def suspend(self, host_id: str) -> Request[Task]:
        """No new VM is placed there; those that run go on."""
        return post(_host(host_id, "suspend"))

    @operation
    def resume(self, host_id: str) -> Request[Task]:
        return post(_host(host_id, "resume"))

    @operation
    def enter_maintenance(self, host_id: str) -> Request[Task]:
        """Only from SUSPENDED, and only without VMs."""
        return post(_host(host_id, "enter-maintenance"))

    @operation
    def exit_maintenance(self, host_id: str) -> Request[Task]:
        return post(_host(host_id, "exit-maintenance"))

    @operation
    def set_zone(self, host_id: str, zone_id: str) -> Request[Task]:
        """Once: a host's zone does not change."""
        body = HostSetAvailabilityZoneOperation(zone_id)
        return post(_host(host_id, "set_availability_zone"), body)


class Datastores(Noun[Face]):
    @listing
    def list(self, *, tag: str | None = None) -> Listing[Datastore]:
        return Listing(path("infrastructure", "datastores"), Datastore, query(tag=tag))

    @operation
    def get(self, datastore_id: str) -> Request[Datastore]:
        return get(path("infrastructure", "datastores", datastore_id), Datastore)


class Zones(Noun[Face]):
    @operation
    def create(self, spec: ZoneCreateSpec) -> Request[Task]:
        return post(path("zones"), spec)

    @listing
    def list(self, *, name: str | None = None) -> Listing[Zone]:
        return Listing(path("zones"), Zone, query(name=name))

    @operation
    def get(self, zone_id: str) -> Request[Zone]:
        return get(path("zones", zone_id), Zone)

    @operation
    def delete(self, zone_id: str) -> Request[Task]:
        return delete(path("zones", zone_id))

    @listing
    def tasks(self, zone_id: str, *, state: str | None = None) -> Listing[Task]:
        return Listing(path("zones", zone_id, "tasks"), Task, query(state=state))


class Subnets(Noun[Face]):
    @operation
    def create(self, spec: SubnetCreateSpec) -> Request[Task]:
        return post(path("subnets"), spec)

    @listing
    def list(self, *, name: str | None = None) -> Listing[Subnet]:
        return Listing(path("subnets"), Subnet, query(name=name))

    @operation
    def get(self, subnet_id: str) -> Request[Subnet]:
        return get(path("subnets", subnet_id), Subnet)

    @operation
    def update(self, subnet_id: str, spec: SubnetUpdateSpec) -> Request[Task]:
        return patch(path("subnets", subnet_id), spec)

    @operation
    def delete(self, subnet_id: str) -> Request[Task]:
        return delete(path("subnets", subnet_id))

    @operation
    def set_default(self, subnet_id: str) -> Request[Task]:
        return post(path("subnets", subnet_id, "set_default"))

    @operation
    def set_port_groups(self, subnet_id: str, names: Sequence[str]) -> Request[Task]:
        return post(path("subnets", subnet_id, "set_portgroups"), PortGroups([*names]))


def _host(*parts: str) -> str:
    return path("infrastructure", "hosts", *parts)
