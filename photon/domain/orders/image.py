"""What the sagas of images are asked to do. Kept in tasks, so later releases must read it too."""

from __future__ import annotations

import msgspec


class CreateImage(msgspec.Struct, frozen=True):
    """`claim_id` is the row that keeps an Idempotency-Key for this upload; None: it has no key."""

    image_id: str
    claim_id: str | None = None


class CaptureImage(msgspec.Struct, frozen=True):
    vm_id: str
    image_id: str
