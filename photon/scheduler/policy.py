"""What a scheduler node may be told to do otherwise, and for how long it believes things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from photon.domain.placement import DATASTORE_OVERCOMMIT

# The contract's (section 4.1): longer than any create takes, short enough to get room back soon.
RESERVATION_LEASE_SECONDS: Final = 120.0
# Many heartbeats: an agent that is alive reports a new guest long before this.
CONFIRMED_GRACE_SECONDS: Final = 60.0
# A host that refused may have room again soon; each wrong guess costs one call to an agent.
REFUSED_SECONDS: Final = 15.0
# Parents look about once a second: sooner costs more than it tells.
SUMMARY_SECONDS: Final = 1.0
# An image that is there saves a fetch of minutes. More than this would unbalance a cloud in which
# few hosts have the image: spread keeps the fullest host within 10 % of the mean.
IMAGE_BONUS: Final = 0.03
# Of each host's CPUs and memory, what only guests of failed hosts get. None unless it is asked for:
# with n hosts, a share of 1 / n lets one of them fail.
FAILOVER_SHARE: Final = 0.0


@dataclass(frozen=True, slots=True)
class Policy:
    datastore_overcommit: float = DATASTORE_OVERCOMMIT
    lease_seconds: float = RESERVATION_LEASE_SECONDS
    grace_seconds: float = CONFIRMED_GRACE_SECONDS
    refused_seconds: float = REFUSED_SECONDS
    summary_seconds: float = SUMMARY_SECONDS
    image_bonus: float = IMAGE_BONUS
    failover_share: float = FAILOVER_SHARE  # from 0 to below 1

    def __post_init__(self) -> None:
        assert 0.0 <= self.failover_share < 1.0, "something is left for other guests"
