"""What an owner reads when nothing fits."""

from __future__ import annotations

import json

import pytest

from photon.domain.demand import Lack, NearMiss, NoPlacement, Reason, ReasonCount
from photon.domain.errors import Kind
from photon.domain.host import HostState
from photon.scheduler.errors import NothingFits
from photon.scheduler.misses import merged
from photon.scheduler.sentence import error_of
from tests.scheduler.cloud import a_demand, a_leaf, a_view, an_inventory, at_once, refused

MIXED = NoPlacement(
    10,
    (
        ReasonCount(Reason.TOO_LITTLE_MEMORY, 7, 4096, 2048),
        ReasonCount(Reason.NOT_READY, 2),
        ReasonCount(Reason.OTHER_ZONE, 1),
    ),
)


def error(*reasons: ReasonCount) -> NothingFits:
    demand = a_demand(zone_id="z1", networks=("n1", "n2"), tags=["SSD"], datastore_id="ds-9")
    return error_of(demand, NoPlacement(sum(each.hosts for each in reasons), reasons))


def test_the_sentence_counts_the_hosts_by_reason_and_says_what_to_do() -> None:
    assert str(error_of(a_demand(zone_id="z1"), MIXED)) == (
        "10 hosts asked: 7 lack memory (needed 4096 MiB, largest free 2048), "
        "2 are in maintenance, suspended or not provisioned, 1 is not in zone z1; "
        "choose a smaller flavor, delete VMs or add hosts"
    )


def test_the_same_is_there_as_a_map_of_strings() -> None:
    facts = error_of(a_demand(zone_id="z1"), MIXED).wire_data()
    reasons = json.loads(facts.pop("reasons"))
    assert facts == {
        "hostsAsked": "10",
        "TOO_LITTLE_MEMORY": "7",
        "TOO_LITTLE_MEMORY.needed": "4096",
        "TOO_LITTLE_MEMORY.best": "2048",
        "NOT_READY": "2",
        "OTHER_ZONE": "1",
    }
    assert reasons[0] == {"reason": "TOO_LITTLE_MEMORY", "hosts": 7, "needed": 4096, "best": 2048}


def test_a_journal_keeps_the_error_as_it_is() -> None:
    record = error_of(a_demand(zone_id="z1"), MIXED).to_record()
    assert record["code"] == "NotEnoughMemoryResource"
    assert record["message"].startswith("10 hosts asked")
    assert record["data"]["hostsAsked"] == "10"


@pytest.mark.parametrize(
    "reason, code",
    [
        (Reason.EXCLUDED, "NoSuchResource"),
        (Reason.NOT_READY, "NoSuchResource"),
        ("MISSING", "NoSuchResource"),
        (Reason.WRONG_USAGE, "NoSuchResource"),
        (Reason.OTHER_HOST, "NoSuchResource"),
        (Reason.OTHER_ZONE, "NoSuchResource"),
        (Reason.NO_NETWORK, "NoSuchResource"),
        (Reason.NO_DATASTORE_REACH, "NoSuchResource"),
        (Reason.NO_DATASTORE_TAG, "UnfullfillableAffinities"),
        ("DISKS_APART", "UnfullfillableDiskAffinities"),
        (Reason.TOO_LITTLE_CPU, "NotEnoughCpuResource"),
        (Reason.TOO_LITTLE_MEMORY, "NotEnoughMemoryResource"),
        (Reason.TOO_LITTLE_DISK, "NotEnoughDatastoreCapacity"),
    ],
)
def test_each_reason_has_its_code_and_its_words(reason: str, code: str) -> None:
    one, many = error(ReasonCount(reason, 1)), error(ReasonCount(reason, 2))
    assert one.code == many.code == code
    assert str(one).startswith("1 host asked: 1 ")
    assert str(many).startswith("2 hosts asked: 2 ")
    assert "{" not in str(one) + str(many)


def test_a_cloud_without_hosts_says_so() -> None:
    empty = error_of(a_demand(), refused(at_once(a_leaf().place(a_demand()))))
    assert (empty.code, empty.wire_data()["hostsAsked"]) == ("NoSuchResource", "0")
    assert "there is no host" in str(empty)


def test_full_clouds_and_impossible_wishes_ask_for_different_things() -> None:
    assert error(ReasonCount(Reason.TOO_LITTLE_CPU, 1)).kind is Kind.CAPACITY
    assert error(ReasonCount(Reason.NO_DATASTORE_TAG, 1)).kind is Kind.INVALID


def test_a_name_with_braces_is_only_a_name() -> None:
    demand = a_demand(zone_id="{0.__class__}{x")
    answer = refused(at_once(a_leaf(an_inventory()).place(demand)))
    assert "not in zone {0.__class__}{x;" in str(error_of(demand, answer))


def test_the_host_that_came_nearest_is_named_with_all_that_it_lacks() -> None:
    leaf = a_leaf(
        an_inventory("h1", memory_mib=1024, cpus=0),
        an_inventory("h2", memory_mib=4000, cpus=0),
        an_inventory("h3", memory_mib=4000, cpus=0, networks=()),
    )
    demand = a_demand(memory_mib=4096, cpus=2, networks=("net-1",))
    answer = refused(at_once(leaf.place(demand)))
    assert answer.nearest == NearMiss(
        "h2.example",
        (Lack(Reason.TOO_LITTLE_CPU, 2, 0), Lack(Reason.TOO_LITTLE_MEMORY, 4096, 4000)),
        1 + 96 / 4096,
    )
    assert (
        "; host h2.example came nearest, it lacks CPU (needed 2 vCPUs, free 0) and lacks memory "
        "(needed 4096 MiB, free 4000); " in str(error_of(demand, answer))
    )
    assert json.loads(error_of(demand, answer).wire_data()["nearest"])["host_address"]


def test_when_no_host_lacks_room_alone_the_one_that_passed_most_is_nearest() -> None:
    leaf = a_leaf(an_inventory("h1"), an_inventory("h2", networks=()))
    leaf.put_host(a_view("h1", state=HostState.SUSPENDED))
    answer = refused(at_once(leaf.place(a_demand(networks=("net-1",)))))
    assert answer.nearest is not None
    assert answer.nearest.host_address == "h2.example"
    assert answer.nearest.lacks == (Lack(Reason.NO_NETWORK),)
    assert "host h2.example came nearest, it lacks one of the networks net-1" in str(
        error_of(a_demand(networks=("net-1",)), answer)
    )


def test_of_two_leaves_the_nearer_miss_is_told() -> None:
    near, far = NearMiss("near", (), 0.5), NearMiss("far", (), 2.0)
    for order in ((near, far), (far, near)):
        both = merged(NoPlacement(1, (), miss) for miss in order)
        assert both.nearest is near
    assert merged([NoPlacement(1, ()), NoPlacement(1, (), far)]).nearest is far
