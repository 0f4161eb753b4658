"""What leaves make of a shared datastore of which others take room as well."""

from __future__ import annotations

import msgspec

from photon.domain.demand import Placement
from photon.domain.guest import AgentRefusal, HostDatastore, HostDisk
from photon.scheduler.leaf import Leaf
from photon.scheduler.policy import REFUSED_SECONDS
from tests.scheduler.cloud import (
    TurnedClock,
    a_datastore,
    a_demand,
    a_leaf,
    an_inventory,
    at_once,
    placed,
    refused,
)

GIB = 100


def nas(free_gib: int) -> HostDatastore:
    return msgspec.structs.replace(a_datastore("nas", GIB, type="NFS_3"), free_gib=free_gib)


def leaf_of(free_gib: int, clock: TurnedClock) -> Leaf:
    return a_leaf(
        *[an_inventory(id, datastores=[nas(free_gib)]) for id in ("h1", "h2")], clock=clock
    )


def place(leaf: Leaf, id: str, gib: int) -> Placement:
    return placed(at_once(leaf.place(a_demand(id, gib=gib))))


def is_refused(leaf: Leaf, gib: int) -> bool:
    refused(at_once(leaf.place(a_demand("too-much", gib=gib))))
    return leaf.audit() == []


def test_what_hosts_say_that_others_took_is_not_promised() -> None:
    leaf = leaf_of(40, TurnedClock())
    assert is_refused(leaf, 41)
    place(leaf, "vm-1", 40)
    assert is_refused(leaf, 1)


def test_what_one_host_says_holds_for_all_that_share_it() -> None:
    leaf = leaf_of(GIB, TurnedClock())
    leaf.report(an_inventory("h1", generation=2, datastores=[nas(10)]))
    assert is_refused(leaf, 11)
    leaf.report(an_inventory("h2", generation=2, datastores=[nas(90)]))
    place(leaf, "vm-1", 90)


def test_what_these_hosts_have_themselves_is_not_taken_twice() -> None:
    leaf = leaf_of(GIB, TurnedClock())
    disk = HostDisk("disk-1", 60, "nas")
    leaf.report(an_inventory("h1", generation=2, datastores=[nas(40)], disks=[disk]))
    leaf.report(an_inventory("h2", generation=2, datastores=[nas(40)]))
    place(leaf, "vm-1", 40)


def test_others_are_believed_for_a_time_and_then_the_datastore_is_asked_again() -> None:
    clock = TurnedClock()
    leaf = leaf_of(0, clock)
    assert is_refused(leaf, 1)
    clock.turn(REFUSED_SECONDS)
    place(leaf, "vm-1", GIB)


def test_a_refusal_for_room_teaches_all_hosts_of_the_datastore() -> None:
    clock = TurnedClock()
    leaf = leaf_of(GIB, clock)
    at_once(leaf.refused(place(leaf, "vm-1", 30), AgentRefusal.NOT_ENOUGH_DATASTORE))
    assert is_refused(leaf, 30)
    place(leaf, "vm-2", 29)
    clock.turn(REFUSED_SECONDS)
    place(leaf, "vm-3", 30)
    assert leaf.audit() == []
