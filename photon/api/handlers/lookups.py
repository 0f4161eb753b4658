"""Finds what a request names, or raises the code that the contract has for not finding it."""

from __future__ import annotations

from photon.api.plane import Plane
from photon.domain.affinity import Affinity, AffinityKind
from photon.domain.error_catalogue import (
    ImageNotFound,
    InvalidFlavor,
    InvalidFlavorState,
    InvalidImageState,
    InvalidZoneState,
    ZoneNotFound,
)
from photon.domain.flavor import Flavor, FlavorKind
from photon.domain.image import Image
from photon.domain.readiness import Readiness
from photon.domain.zone import Zone
from photon.store.nouns import FLAVORS, IMAGES, ZONES
from photon.wire.v1.affinity import LocalitySpec


async def usable_flavor(plane: Plane, name: str, kind: FlavorKind) -> Flavor:
    """The flavor of that name and kind, READY."""
    flavor = await plane.kept.first(FLAVORS, {"name": name, "kind": kind})
    if flavor is None:
        raise InvalidFlavor(entity_kind=kind, flavor=name)
    if flavor.state is not Readiness.READY:
        raise InvalidFlavorState(flavor.id, flavor.state)
    return flavor


async def usable_image(plane: Plane, image_id: str, project_id: str) -> Image:
    """The image, READY, and not another project's."""
    image = await plane.kept.find(IMAGES, image_id)
    if image is None or image.project_id not in (None, project_id):
        raise ImageNotFound(image_id)
    if image.state is not Readiness.READY:
        raise InvalidImageState(image.id, image.state)
    return image


async def usable_zone(plane: Plane, zone_id: str) -> Zone:
    zone = await plane.store.find(ZONES, zone_id)
    if zone is None:
        raise ZoneNotFound(zone_id)
    if zone.state is not Readiness.READY:
        raise InvalidZoneState(zone_id, zone.state)
    return zone


def affinities_of(specs: list[LocalitySpec] | None) -> tuple[Affinity, ...]:
    return tuple(Affinity(AffinityKind(spec.kind), spec.id, spec.soft) for spec in specs or ())
