"""Not a host that could not be asked: its parent sees that its node is silent."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Reason
from photon.scheduler.errors import NodesSilent
from photon.scheduler.filter_kinds import AskedElsewhere, Words

FILTER: Final = AskedElsewhere(
    rank=40,
    reason=Reason.NODE_SILENT,
    words=Words(
        NodesSilent,
        "could not be asked since its scheduler node does not answer",
        "could not be asked since their scheduler nodes do not answer",
        "try again in a minute, and check that all controllers run",
    ),
)
