"""How images are shown (contract, 2.7)."""

from __future__ import annotations

from photon.domain.image import Image
from photon.domain.kinds import EntityKind
from photon.domain.system import SYSTEM_ID
from photon.wire.v1 import image as wire


def image_view(image: Image, base: str) -> wire.Image:
    return wire.Image(
        id=image.id,
        self_link=f"{base}/v1/images/{image.id}",
        kind=EntityKind.IMAGE,
        name=image.name,
        tags=[],
        state=image.state,
        size=image.size_bytes,
        replication_type=image.replication_type,
        settings=[wire.ImageSetting(each.name, each.default_value) for each in image.settings],
        replication_progress=f"{image.replication_percent}%",
        seeding_progress=f"{image.seeding_percent}%",
        scope=_scope(image),
        checksum=image.checksum or None,
    )


def _scope(image: Image) -> wire.ImageScope:
    if image.project_id is None:
        return wire.ImageScope(EntityKind.DEPLOYMENT, SYSTEM_ID)
    return wire.ImageScope(EntityKind.PROJECT, image.project_id)
