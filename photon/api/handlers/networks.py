"""Which subnets a new VM is on (contract, 7.4)."""

from __future__ import annotations

from collections.abc import Sequence

from photon.api.plane import Plane
from photon.domain.error_catalogue import InvalidEntity, InvalidNetworkState, NetworkNotFound
from photon.domain.readiness import Readiness
from photon.domain.subnet import Subnet
from photon.store.nouns import SUBNETS


async def subnets_for(plane: Plane, subnet_ids: Sequence[str] | None) -> list[Subnet]:
    """The subnets that were asked for, in order, or the default one.

    Raises:
        NetworkNotFound, InvalidNetworkState: one of them is not there, or not READY.
        InvalidEntity: none was asked for and there is no default.
    """
    if not subnet_ids:
        return [await _default(plane)]
    found = {subnet.id: subnet for subnet in await plane.store.find_many(SUBNETS, subnet_ids)}
    for subnet_id in subnet_ids:
        if subnet_id not in found:
            raise NetworkNotFound(subnet_id)
        if found[subnet_id].state is not Readiness.READY:
            raise InvalidNetworkState(subnet_id, found[subnet_id].state)
    if len(set(subnet_ids)) < len(subnet_ids):
        raise InvalidEntity(problem="a subnet is named twice; a VM has one card on each at most")
    return [found[subnet_id] for subnet_id in subnet_ids]


async def _default(plane: Plane) -> Subnet:
    subnet = await plane.kept.first(SUBNETS, {"is_default": True})
    if subnet is None or subnet.state is not Readiness.READY:
        raise InvalidEntity(
            problem="No default 'subnet' is configured: name the VM's subnets, or have an "
            "administrator mark one with set_default"
        )
    return subnet
