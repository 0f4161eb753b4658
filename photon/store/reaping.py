"""Who uses what, so that what is PENDING_DELETE vanishes with its last user (contract, 3.3).

The request that deletes, and each write-set that removes a user, ends with the write from here:
whoever comes last removes the row. Users `Require` the row to be READY in the write-set that makes
them, so none can come in between.
"""

from __future__ import annotations

from typing import Any, Final

from photon.domain.readiness import Readiness
from photon.store.nouns import (
    DISKS,
    EPHEMERAL_DISKS,
    FLAVORS,
    HOSTS,
    IMAGES,
    NICS,
    SUBNETS,
    VMS,
    ZONES,
)
from photon.store.protocol import Noun, Reap, Where

_LEAVING: Final[Where] = {"state": Readiness.PENDING_DELETE}


def reap_flavor(flavor_id: str) -> Reap:
    """Removes a flavor that is PENDING_DELETE, once no VM and no disk has it."""
    return _reap(FLAVORS, flavor_id, VMS, EPHEMERAL_DISKS, DISKS, by="flavor_id")


def reap_image(image_id: str) -> Reap:
    """Removes an image that is PENDING_DELETE, once no VM was made from it."""
    return _reap(IMAGES, image_id, VMS, by="image_id")


def reap_subnet(subnet_id: str) -> Reap:
    """Removes a subnet that is PENDING_DELETE, once no network card is on it.

    The names of its port groups stay behind; whoever next asks for one of them takes it over.
    """
    return _reap(SUBNETS, subnet_id, NICS, by="subnet_id")


def reap_zone(zone_id: str) -> Reap:
    """Removes a zone that is PENDING_DELETE, once no host is in it."""
    return _reap(ZONES, zone_id, HOSTS, by="zone_id")


def _reap(noun: Noun[Any], id: str, *users: Noun[Any], by: str) -> Reap:
    return Reap(noun, id, _LEAVING, tuple((user, {by: id}) for user in users))
