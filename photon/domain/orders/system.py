"""What the sagas of the whole system are asked to do. Kept in tasks."""

from __future__ import annotations

import msgspec


class AuditSystem(msgspec.Struct, frozen=True):
    """Everything is looked at: there is nothing to say."""
