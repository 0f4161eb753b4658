"""The order of a task that could not begin: all it does is say so."""

from __future__ import annotations

from typing import Final

import msgspec

from photon.domain.task import ErrorRecord

REFUSED: Final = "REFUSED"


class Refused(msgspec.Struct, frozen=True):
    error: ErrorRecord
