"""How large the nodes of a scheduler tree may be, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# A leaf looks at all its hosts for each demand. Up to this many, that costs about as much as all
# else that a placement does; with fewer, summaries and steps down cost more than is saved.
LEAF_HOSTS_MAX: Final = 256
# A branch looks at two children for each demand, and at all of them once a second, which takes
# 20 ms for 512 leaves that all changed. Another level costs each placement 10 to 20 us instead. So
# most clouds are a root over leaves: 512 x 256 hosts.
FAN_OUT_MAX: Final = 512


@dataclass(frozen=True, slots=True)
class TreeShape:
    leaf_hosts_max: int = LEAF_HOSTS_MAX
    fan_out_max: int = FAN_OUT_MAX

    def __post_init__(self) -> None:
        assert self.leaf_hosts_max >= 1, "a leaf has room for a host"
        assert self.fan_out_max >= 2, "a branch divides"

    @property
    def kind_hosts_min(self) -> int:
        """So many hosts that are alike get leaves of their own. A quarter of a leaf is worth a
        summary; the rarer kinds share leaves."""
        return max(1, self.leaf_hosts_max // 4)

    @property
    def kind_hosts_few(self) -> int:
        """With fewer than this they share leaves again: half of what gave them their own, so that
        hosts which come and go do not move the others each time."""
        return max(1, self.leaf_hosts_max // 8)

    @property
    def small_leaf_hosts(self) -> int:
        """Two leaves of one kind that both have fewer become one, which then is half full at
        most, so that it does not overflow soon."""
        return max(1, self.leaf_hosts_max // 4)
