"""The leaf's columns answer what plain Python answers, host by host."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from photon.domain.demand import Demand, DiskDemand, NoPlacement, Placement, Reason
from photon.domain.guest import HostDatastore, HostMode
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.scheduler.leaf import Leaf
from tests.scheduler.cloud import (
    TurnedClock,
    a_demand,
    a_guest,
    a_leaf,
    a_view,
    an_inventory,
    at_once,
    placed,
)
from tests.scheduler.reference import PlainHost, fits_apart, score, why_not

# Few values each, so that demands meet hosts that suit them, and hosts that just do not.
TAGS = st.frozensets(st.sampled_from(["SSD", "HDD"]), max_size=2)
TYPES = st.sampled_from(["LOCAL_VMFS", "VSAN"])
ZONES = st.sampled_from([None, "z1", "z2"])
NETWORKS = st.frozensets(st.sampled_from(["n1", "n2"]), max_size=2)


@st.composite
def hosts(draw: st.DrawFn, id: str) -> PlainHost:
    datastores = [
        HostDatastore(f"{id}-{number}", "", draw(TYPES), draw(TAGS), gib, gib)
        for number, gib in enumerate(draw(st.lists(st.integers(0, 40), max_size=3)))
    ]
    return PlainHost(
        view=HostView(
            id=id,
            address=f"{id}.example",
            agent_endpoint=f"{id}.example:1",
            state=draw(st.sampled_from([HostState.READY] * 9 + [HostState.SUSPENDED])),
            usage_tags=draw(
                st.sampled_from([frozenset({UsageTag.CLOUD}), frozenset({UsageTag.MGMT})])
                if draw(st.integers(0, 9)) == 0
                else st.just(frozenset({UsageTag.CLOUD}))
            ),
            zone_id=draw(ZONES),
            cpu_overcommit=draw(st.sampled_from([1.0, 2.5])),
        ),
        cpus=draw(st.integers(0, 8)),
        memory_mib=draw(st.integers(0, 16)),
        networks=draw(NETWORKS),
        datastores={each.id: each for each in datastores},
        mode=draw(st.sampled_from([HostMode.NORMAL] * 9 + [HostMode.MAINTENANCE])),
        silent=draw(st.integers(0, 9)) == 0,
    )


@st.composite
def clouds(draw: st.DrawFn) -> list[PlainHost]:
    return [draw(hosts(f"h{number}")) for number in range(draw(st.integers(0, 5)))]


@st.composite
def demands(draw: st.DrawFn, id: str) -> Demand:
    rarely = draw(st.integers(0, 7))
    disks = [
        DiskDemand(f"{id}-{number}", gib, draw(TAGS) if draw(st.booleans()) else frozenset())
        for number, gib in enumerate(draw(st.lists(st.integers(0, 20), max_size=3)))
    ]
    return Demand(
        id=id,
        cpus=draw(st.integers(0, 4)),
        memory_mib=draw(st.integers(0, 6)),
        disks=tuple(disks),
        usage=UsageTag.MGMT if rarely == 0 else UsageTag.CLOUD,
        networks=tuple(sorted(draw(NETWORKS))) if rarely == 1 else (),
        zone_id=draw(ZONES),
        host_address="h1.example" if rarely == 2 else None,
        datastore_id="h1-0" if rarely == 3 else None,
        datastore_type=draw(TYPES) if rarely == 4 else None,
        datastores_reached=frozenset({"h0-0"}) if rarely == 5 else frozenset(),
        hosts_excluded=frozenset({"h0"}) if rarely == 6 else frozenset(),
    )


def leaf_of(cloud: list[PlainHost]) -> Leaf:
    leaf = Leaf(TurnedClock())
    for host in cloud:
        leaf.put_host(host.view)
        leaf.report(
            an_inventory(
                host.view.id,
                cpus=host.cpus,
                memory_mib=host.memory_mib,
                mode=host.mode,
                networks=host.networks,
                datastores=host.datastores.values(),
            )
        )
        if host.silent:
            leaf.missing(host.view.id)
    return leaf


def hold(host: PlainHost, demand: Demand, placement: Placement) -> None:
    gib: dict[str, int] = {}
    for asked, given_ in zip(demand.disks, placement.disks, strict=True):
        assert asked.id == given_.disk_id
        gib[given_.datastore_id] = gib.get(given_.datastore_id, 0) + asked.capacity_gib
    host.held[demand.id] = (demand.cpus, demand.memory_mib, gib)


def check_placement(cloud: list[PlainHost], demand: Demand, placement: Placement) -> None:
    host = next(each for each in cloud if each.view.id == placement.host_id)
    whole = [each for each in cloud if why_not(each, demand) is None]
    if whole:
        assert host in whole
        if demand.cpus or demand.memory_mib:
            assert score(host, demand) >= max(score(each, demand) for each in whole) - 1e-9
    else:
        assert fits_apart(host, demand)
    hold(host, demand, placement)
    # Never overfilled, in any of the three; what costs nothing is no filling.
    assert host.free_cpus() >= 0
    assert host.free_memory_mib() >= 0
    assert all(host.free_gib(each.datastore_id) >= 0 for each in placement.disks)
    wanted = frozenset(tag for disk in demand.disks for tag in disk.datastore_tags)
    assert {each.datastore_id for each in placement.disks} <= set(host.suiting(demand, wanted))


def check_refusal(cloud: list[PlainHost], demand: Demand, refusal: NoPlacement) -> None:
    assert not any(fits_apart(host, demand) for host in cloud)
    reasons = Counter(why_not(host, demand) for host in cloud)
    assert None not in reasons
    assert {count.reason: count.hosts for count in refusal.reasons} == reasons
    assert refusal.hosts_asked == len(cloud) == sum(count.hosts for count in refusal.reasons)
    free: dict[str, tuple[int, Callable[[PlainHost], int]]] = {
        Reason.TOO_LITTLE_CPU: (demand.cpus, PlainHost.free_cpus),
        Reason.TOO_LITTLE_MEMORY: (demand.memory_mib, PlainHost.free_memory_mib),
    }
    for count in refusal.reasons:
        if count.reason in free:
            needed, amount = free[count.reason]
            best = max(amount(host) for host in cloud if why_not(host, demand) == count.reason)
            assert (count.needed, count.best) == (needed, max(best, 0))


@settings(max_examples=120, deadline=None)
@given(st.data(), clouds())
def test_a_leaf_places_and_refuses_as_plain_python_does(
    data: st.DataObject, cloud: list[PlainHost]
) -> None:
    leaf = leaf_of(cloud)
    for number in range(data.draw(st.integers(1, 8))):
        demand = data.draw(demands(f"vm-{number}"))
        answer = at_once(leaf.place(demand))
        if isinstance(answer, Placement):
            check_placement(cloud, demand, answer)
        else:
            check_refusal(cloud, demand, answer)
    assert leaf.audit() == []


def test_guests_are_spread_by_what_their_host_has_least_of() -> None:
    little_memory = an_inventory("h1", cpus=32, memory_mib=4096)
    few_cpus = an_inventory("h2", cpus=1, memory_mib=65536)
    leaf = a_leaf(little_memory, few_cpus)
    assert placed(at_once(leaf.place(a_demand("a", cpus=1, memory_mib=2048)))).host_id == "h2"
    assert placed(at_once(leaf.place(a_demand("b", cpus=8, memory_mib=512)))).host_id == "h1"


def test_of_equal_hosts_the_one_with_the_lowest_id_is_taken() -> None:
    leaf = a_leaf(an_inventory("h3"), an_inventory("h1"), an_inventory("h2"))
    chosen = [placed(at_once(leaf.place(a_demand(f"vm-{n}")))).host_id for n in range(6)]
    assert chosen == ["h1", "h2", "h3", "h1", "h2", "h3"]


def test_a_host_that_has_the_image_goes_before_an_equal_one() -> None:
    leaf = a_leaf(an_inventory("h1"), an_inventory("h2", images=["abc"]))
    assert placed(at_once(leaf.place(a_demand(image_checksum="abc")))).host_id == "h2"


def test_a_much_emptier_host_goes_before_one_that_has_the_image() -> None:
    busy = an_inventory("h2", images=["abc"], guests=[a_guest("g", memory_mib=2048, gib=0)])
    leaf = a_leaf(an_inventory("h1"), busy)
    assert placed(at_once(leaf.place(a_demand(image_checksum="abc")))).host_id == "h1"


def test_a_confirmed_guest_brought_its_image() -> None:
    leaf = a_leaf(an_inventory("h1"), an_inventory("h2"), an_inventory("h3", cpus=0))
    first = a_demand("a", cpus=0, memory_mib=1, image_checksum="abc")
    placement = placed(at_once(leaf.place(first)))
    at_once(leaf.confirm(first, placement))
    again = placed(at_once(leaf.place(a_demand("b", memory_mib=1, image_checksum="abc"))))
    assert again.host_id == placement.host_id
    leaf.report(an_inventory(placement.host_id, generation=2))
    other = placed(at_once(leaf.place(a_demand("c", memory_mib=1, image_checksum="abc"))))
    assert other.host_id != placement.host_id


def test_a_lone_disk_goes_where_most_room_for_disks_is() -> None:
    small = an_inventory("h1", datastores=[])
    large = an_inventory("h2", guests=[a_guest("g", memory_mib=8192, datastore_id="ds-h2")])
    leaf = a_leaf(small, large)
    placement = placed(at_once(leaf.place(a_demand("d", cpus=0, memory_mib=0))))
    assert (placement.host_id, placement.datastore_id) == ("h2", "ds-h2")


def test_a_host_that_changes_is_seen_at_once() -> None:
    leaf = a_leaf(an_inventory("h1"), an_inventory("h2"))
    placed(at_once(leaf.place(a_demand("a", zone_id=None))))
    leaf.set_state("h1", HostState.READY, "z1", frozenset({UsageTag.CLOUD}))
    assert placed(at_once(leaf.place(a_demand("b", zone_id="z1")))).host_id == "h1"
    leaf.put_host(a_view("h1", state=HostState.MAINTENANCE))
    assert placed(at_once(leaf.place(a_demand("c")))).host_id == "h2"
    leaf.remove_host("h2")
    assert isinstance(at_once(leaf.place(a_demand("d"))), NoPlacement)
    assert leaf.audit() == []


def test_the_same_calls_choose_the_same_hosts() -> None:
    def run() -> list[Placement]:
        leaf = a_leaf(*[an_inventory(f"h{n}", memory_mib=4096 + 512 * n) for n in range(9)])
        return [placed(at_once(leaf.place(a_demand(f"vm-{n}")))) for n in range(20)]

    assert run() == run()
