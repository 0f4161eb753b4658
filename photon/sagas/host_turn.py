"""What a step that is done to one host needs: which one, and in what order it was decided."""

from __future__ import annotations

import msgspec


class HostTurn(msgspec.Struct, frozen=True):
    host_id: str
    fence: int
