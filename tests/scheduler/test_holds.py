"""The life of a hold: who says that something is held, and until when."""

from __future__ import annotations

import msgspec
import pytest

from photon.domain.demand import Demand, Placement, Reason, ReasonCount
from photon.domain.guest import AgentRefusal, GuestDisk, HostDisk, HostMode, HostReport
from photon.scheduler.leaf import Leaf
from photon.scheduler.policy import (
    CONFIRMED_GRACE_SECONDS,
    REFUSED_SECONDS,
    RESERVATION_LEASE_SECONDS,
)
from photon.scheduler.reports import DATASTORES_MAX
from tests.scheduler.cloud import (
    TurnedClock,
    a_datastore,
    a_demand,
    a_guest,
    a_leaf,
    a_view,
    an_inventory,
    at_once,
    placed,
    refused,
)

DEMAND = a_demand("vm-1", memory_mib=6000)
GUEST = a_guest("vm-1", memory_mib=6000)
OTHER = a_demand("vm-2", memory_mib=6000)


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def leaf(clock: TurnedClock) -> Leaf:
    """One host of 8192 MiB: room for one of the demands, not for two."""
    return a_leaf(an_inventory(), clock=clock)


def place(leaf: Leaf, demand: Demand = DEMAND) -> Placement:
    return placed(at_once(leaf.place(demand)))


def confirmed(leaf: Leaf) -> Placement:
    placement = place(leaf)
    at_once(leaf.confirm(DEMAND, placement))
    return placement


def is_held(leaf: Leaf, id: str = "vm-1") -> bool:
    assert leaf.audit() == []
    return id in leaf.held("h1")


def delta(generation: int, **changed: object) -> HostReport:
    report: dict[str, object] = {"datastores": (a_datastore("ds-h1"),), **changed}
    return HostReport("h1", generation, HostMode.NORMAL, **report)  # type: ignore[arg-type] # any of its fields


def test_what_is_placed_leaves_no_room_for_another(leaf: Leaf) -> None:
    place(leaf)
    answer = refused(at_once(leaf.place(OTHER)))
    assert answer.reasons == (ReasonCount(Reason.TOO_LITTLE_MEMORY, 1, 6000, 2192),)


def test_placed_again_it_is_the_same_placement_and_held_once(leaf: Leaf) -> None:
    assert place(leaf) == place(leaf)
    assert is_held(leaf)


def test_a_reservation_ends_with_its_lease(leaf: Leaf, clock: TurnedClock) -> None:
    place(leaf)
    clock.turn(RESERVATION_LEASE_SECONDS - 1)
    assert is_held(leaf)
    clock.turn(1)
    assert not is_held(leaf)
    place(leaf, OTHER)


def test_asking_again_begins_the_lease_again(leaf: Leaf, clock: TurnedClock) -> None:
    place(leaf)
    clock.turn(RESERVATION_LEASE_SECONDS - 1)
    place(leaf)
    clock.turn(RESERVATION_LEASE_SECONDS - 1)
    assert is_held(leaf)


def test_release_gives_back_and_twice_is_once(leaf: Leaf) -> None:
    placement = place(leaf)
    for _ in range(2):
        at_once(leaf.release("vm-1", placement.host_id))
        assert not is_held(leaf)
    at_once(leaf.release("vm-1", "no such host"))


def test_a_confirmed_guest_outlives_reports_that_are_older_than_it(leaf: Leaf) -> None:
    confirmed(leaf)
    leaf.report(an_inventory(generation=2))
    leaf.report(delta(3, full=True))
    assert is_held(leaf)


def test_a_confirmed_guest_that_no_report_ever_has_ends(leaf: Leaf, clock: TurnedClock) -> None:
    confirmed(leaf)
    clock.turn(CONFIRMED_GRACE_SECONDS)
    assert not is_held(leaf)


def test_a_reported_guest_stays_for_ever(leaf: Leaf, clock: TurnedClock) -> None:
    confirmed(leaf)
    leaf.report(delta(2, guests=(GUEST,)))
    clock.turn(10 * RESERVATION_LEASE_SECONDS)
    assert is_held(leaf)


def test_a_guest_that_was_confirmed_and_reported_ends_when_it_is_gone(leaf: Leaf) -> None:
    confirmed(leaf)
    leaf.report(delta(2, guests=(GUEST,)))
    leaf.report(delta(3, gone_guests=("vm-1",)))
    assert not is_held(leaf)


def test_a_guest_that_was_reported_before_it_was_confirmed_is_held_once(
    leaf: Leaf, clock: TurnedClock
) -> None:
    placement = place(leaf)
    leaf.report(delta(2, guests=(GUEST,)))
    at_once(leaf.confirm(DEMAND, placement))
    clock.turn(10 * RESERVATION_LEASE_SECONDS)
    assert is_held(leaf)
    leaf.report(an_inventory(generation=3))
    assert not is_held(leaf)


def test_what_is_reported_when_it_is_confirmed_needs_no_grace(leaf: Leaf) -> None:
    placement = place(leaf)
    leaf.report(delta(2, guests=(GUEST,)))
    at_once(leaf.confirm(DEMAND, placement))
    leaf.report(delta(3, gone_guests=("vm-1",)))
    assert not is_held(leaf)


def test_a_create_that_fails_and_is_tried_again_keeps_its_reservation(leaf: Leaf) -> None:
    place(leaf)
    leaf.report(delta(2, guests=(GUEST,)))
    leaf.report(delta(3, gone_guests=("vm-1",)))
    assert is_held(leaf)


def test_a_create_that_took_longer_than_the_lease_is_held_when_confirmed(
    leaf: Leaf, clock: TurnedClock
) -> None:
    placement = place(leaf)
    clock.turn(RESERVATION_LEASE_SECONDS)
    place(leaf, OTHER)
    at_once(leaf.confirm(DEMAND, placement))
    assert is_held(leaf)
    assert is_held(leaf, "vm-2")


def test_a_guest_is_as_large_as_its_host_says(leaf: Leaf) -> None:
    confirmed(leaf)
    leaf.report(delta(2, guests=(a_guest("vm-1", memory_mib=100),)))
    place(leaf, OTHER)


def test_a_report_that_is_older_changes_nothing(leaf: Leaf) -> None:
    assert leaf.report(delta(5, guests=(GUEST,)))
    assert not leaf.report(delta(4, gone_guests=("vm-1",)))
    assert is_held(leaf)


def test_an_inventory_that_is_older_brings_nothing_back(leaf: Leaf) -> None:
    leaf.report(delta(5, gone_guests=("vm-1",)))
    assert not leaf.report(an_inventory(generation=4, guests=[GUEST]))
    assert not leaf.report(delta(4, guests=(GUEST,), full=True))
    assert not is_held(leaf)


def test_an_agent_that_was_silent_may_have_lost_its_count(leaf: Leaf) -> None:
    leaf.report(delta(5, guests=(GUEST,)))
    leaf.missing("h1")
    assert leaf.report(an_inventory(generation=1))
    leaf.back("h1")
    assert not is_held(leaf)
    assert leaf.report(delta(2, guests=(GUEST,)))
    assert is_held(leaf)


def test_what_is_written_of_a_host_s_state_does_not_change_what_it_has(leaf: Leaf) -> None:
    leaf.put_host(a_view())
    assert leaf.summary().largest_memory_mib == 8192
    leaf.put_host(msgspec.structs.replace(a_view(), cpus=4, memory_mib=6000))
    assert refused(at_once(leaf.place(a_demand(memory_mib=6001)))).reasons[0].best == 6000


def test_reports_of_unknown_hosts_are_not_used() -> None:
    assert not a_leaf().report(an_inventory())


def test_an_agent_that_lies_spoils_its_own_host_only() -> None:
    huge, gone = 2**62, -5
    datastores = [a_datastore(f"ds-{number}", huge) for number in range(DATASTORES_MAX + 1)]
    leaf = a_leaf(
        an_inventory("h1", cpus=huge, memory_mib=huge, datastores=datastores),
        an_inventory("h2", guests=[a_guest(f"g{n}", cpus=huge, memory_mib=huge) for n in range(9)]),
        an_inventory("h3", cpus=gone, guests=[a_guest("g", cpus=gone, memory_mib=gone, gib=gone)]),
        an_inventory("h4"),
    )
    assert place(leaf, a_demand(host_address="h4.example")).host_id == "h4"
    for host in ("h2", "h3"):
        refused(at_once(leaf.place(a_demand("x", host_address=f"{host}.example"))))
    assert leaf.audit() == []


def test_a_report_brings_a_host_into_maintenance_and_back(leaf: Leaf) -> None:
    leaf.report(HostReport("h1", 2, HostMode.MAINTENANCE, (a_datastore("ds-h1"),)))
    assert refused(at_once(leaf.place(DEMAND))).reasons[0].reason is Reason.NOT_READY
    leaf.report(delta(3))
    place(leaf)


def test_a_journal_s_placement_is_held_room_or_not(leaf: Leaf) -> None:
    placement = place(leaf)
    at_once(leaf.hold(OTHER, placement_of(OTHER, placement)))
    assert is_held(leaf)
    assert is_held(leaf, "vm-2")


def test_a_journal_s_placement_waits_for_its_host(clock: TurnedClock) -> None:
    placement = place(a_leaf(an_inventory()))
    leaf = Leaf(clock)
    at_once(leaf.hold(DEMAND, placement))
    assert refused(at_once(leaf.place(OTHER))).hosts_asked == 0
    leaf.put_host(a_view())
    leaf.report(an_inventory())
    assert place(leaf) == placement
    refused(at_once(leaf.place(OTHER)))


def test_what_a_journal_held_on_a_host_that_never_comes_ends(clock: TurnedClock) -> None:
    placement = place(a_leaf(an_inventory()))
    leaf = Leaf(clock)
    at_once(leaf.hold(DEMAND, placement))
    clock.turn(RESERVATION_LEASE_SECONDS)
    assert leaf.audit() == []
    assert not leaf.held("h1")


def test_a_removed_host_takes_what_it_held_along(leaf: Leaf) -> None:
    place(leaf)
    leaf.remove_host("h1")
    leaf.remove_host("h1")
    assert refused(at_once(leaf.place(DEMAND))).hosts_asked == 0
    assert leaf.audit() == []


def test_a_guest_that_is_reported_is_where_it_is(leaf: Leaf) -> None:
    leaf.report(delta(2, guests=(GUEST,)))
    placement = place(leaf)
    assert (placement.host_id, placement.datastore_id) == ("h1", "ds-h1")


def test_a_host_that_refused_is_given_up_and_not_asked_again() -> None:
    leaf = a_leaf(an_inventory("h1"), an_inventory("h2"))
    first = place(leaf)
    again = placed(at_once(leaf.place(a_demand("vm-1", hosts_excluded=frozenset({first.host_id})))))
    assert again.host_id != first.host_id
    assert "vm-1" not in leaf.held(first.host_id)


@pytest.mark.parametrize(
    "reason, counted",
    [
        (AgentRefusal.NOT_ENOUGH_CPU, ReasonCount(Reason.TOO_LITTLE_CPU, 1, 1, 0)),
        (AgentRefusal.NOT_ENOUGH_MEMORY, ReasonCount(Reason.TOO_LITTLE_MEMORY, 1, 6000, 5999)),
        (AgentRefusal.NOT_ENOUGH_DATASTORE, ReasonCount(Reason.TOO_LITTLE_DISK, 1, 10, 9)),
        (AgentRefusal.DRIVER_FAILED, ReasonCount(Reason.EXCLUDED, 1)),
        ("A REASON OF TOMORROW", ReasonCount(Reason.EXCLUDED, 1)),
    ],
)
def test_a_refusal_corrects_what_is_believed_for_a_time(
    leaf: Leaf, clock: TurnedClock, reason: str, counted: ReasonCount
) -> None:
    placement = place(leaf)
    for _ in range(2):
        at_once(leaf.refused(placement, reason))
        assert not is_held(leaf)
    assert refused(at_once(leaf.place(OTHER))).reasons == (counted,)
    clock.turn(REFUSED_SECONDS)
    assert place(leaf, OTHER).host_id == "h1"
    assert leaf.audit() == []


@pytest.mark.parametrize("reason", [AgentRefusal.NOT_ENOUGH_MEMORY, AgentRefusal.BUSY])
def test_a_refusal_is_forgotten_with_the_host_s_next_report(leaf: Leaf, reason: str) -> None:
    at_once(leaf.refused(place(leaf), reason))
    leaf.report(delta(2))
    place(leaf, OTHER)


def test_a_refusal_that_is_not_about_room_touches_only_demands_of_that_shape(leaf: Leaf) -> None:
    at_once(leaf.refused(place(leaf), AgentRefusal.IMAGE_UNAVAILABLE))
    place(leaf, a_demand("vm-2", memory_mib=6000, image_checksum="another"))


def test_a_refusal_leaves_a_guest_that_its_host_reports(leaf: Leaf) -> None:
    placement = place(leaf)
    leaf.report(delta(2, guests=(GUEST,)))
    at_once(leaf.refused(placement, AgentRefusal.ALREADY_EXISTS))
    assert is_held(leaf)


def test_a_disk_on_a_shared_datastore_is_counted_once() -> None:
    shared = a_datastore("nfs", 100, type="NFS_3")
    disk = HostDisk("disk-1", 60, "nfs")
    leaf = a_leaf(*[an_inventory(id, datastores=[shared], disks=[disk]) for id in ("h1", "h2")])
    assert leaf.audit() == []
    place(leaf, a_demand(gib=40))
    answer = refused(at_once(leaf.place(a_demand("vm-2", gib=1))))
    assert answer.reasons == (ReasonCount(Reason.TOO_LITTLE_DISK, 2, 1, 0),)
    leaf.report(an_inventory("h1", generation=2, datastores=[shared]))
    assert leaf.audit() == []
    assert place(leaf, a_demand("disk-1")).host_id == "h2"


def test_hosts_of_one_datastore_that_refuse_the_same_demand_are_doubted_apart() -> None:
    shared = a_datastore("nfs", 20, type="NFS_3")
    other = HostDisk("disk-1", 9, "nfs")
    leaf = a_leaf(
        an_inventory("h1", datastores=[shared]),
        an_inventory("h2", datastores=[shared]),
        an_inventory("h3", datastores=[shared], disks=[other]),
    )
    first = place(leaf, a_demand(gib=4))
    at_once(leaf.refused(first, AgentRefusal.NOT_ENOUGH_DATASTORE))
    leaf.report(an_inventory("h3", generation=2, datastores=[shared]))
    again = a_demand(gib=4, hosts_excluded=frozenset({first.host_id}))
    at_once(leaf.refused(place(leaf, again), AgentRefusal.NOT_ENOUGH_DATASTORE))
    assert leaf.audit() == []


def test_a_persistent_disk_is_counted_by_itself_and_not_with_its_guest(leaf: Leaf) -> None:
    guest = msgspec.structs.replace(
        a_guest("vm-1"), disks=(GuestDisk("disk-1", 90, persistent=True, datastore_id="ds-h1"),)
    )
    leaf.report(delta(2, guests=(guest,), disks=(HostDisk("disk-1", 90, "ds-h1", "vm-1"),)))
    place(leaf, a_demand("vm-2", gib=10))
    refused(at_once(leaf.place(a_demand("vm-3", gib=1))))


def placement_of(demand: Demand, like: Placement) -> Placement:
    disks = tuple(
        type(each)(disk.id, each.datastore_id)
        for disk, each in zip(demand.disks, like.disks, strict=True)
    )
    return Placement(
        demand.id, like.host_id, like.host_address, like.agent_endpoint, like.datastore_id, disks
    )
