"""Not a host that refused this very demand a moment ago: the leaf keeps who did."""

from __future__ import annotations

from typing import Final

from photon.domain.demand import Reason
from photon.scheduler.errors import NoSuchResource
from photon.scheduler.filter_kinds import AskedElsewhere, Words

FILTER: Final = AskedElsewhere(
    rank=10,  # before its facts, which it has: they did not help
    reason=Reason.EXCLUDED,
    words=Words(NoSuchResource, "refused it just now", "refused it just now", "try again later"),
)
