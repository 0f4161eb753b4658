"""How many more of one demand there is room for, and what runs out first.

A host's own room is counted where the host is. Room on a datastore that many hosts reach is one for
all of them, in whichever leaf they are, so it goes up the tree beside the counts and is shared out
at the end, by `photon.scheduler.capacity`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from photon.domain.demand import NoPlacement, ReasonCount

# More than any host takes of anything: what a demand without that cost is limited to.
FITS_MAX: Final = 2**40


class Reach(msgspec.Struct, frozen=True):
    """Hosts that reach the same shared datastores: of the demand they could take `by_hosts` if
    those had room, and would then lack `reasons`. `mixed`: some have datastores of their own."""

    datastore_ids: tuple[str, ...]
    hosts: int
    by_hosts: int
    reasons: tuple[ReasonCount, ...]
    mixed: bool = False


class SharedRoom(msgspec.Struct, frozen=True):
    """So many of the demand have room on this datastore; `needed` and `free` are GiB."""

    datastore_id: str
    count: int
    needed_gib: int = 0
    free_gib: int = 0


class Fits(msgspec.Struct, frozen=True):
    """What the hosts below one node say: `count` without what would lie on shared datastores.

    `reasons` say why each host that is in no `reaches` takes no more than that. `exact` False: the
    most that any order of placing reaches, or a little less where disks would have to lie apart.
    """

    hosts_asked: int = 0
    count: int = 0
    reasons: tuple[ReasonCount, ...] = ()
    reaches: tuple[Reach, ...] = ()
    rooms: tuple[SharedRoom, ...] = ()
    exact: bool = True


class Capacity(msgspec.Struct, frozen=True):
    """`count` more fit, and then each of the hosts is out of something."""

    count: int
    refusal: NoPlacement
    exact: bool
