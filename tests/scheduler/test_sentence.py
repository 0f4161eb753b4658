"""What an owner reads when nothing fits."""

from __future__ import annotations

import json

import pytest

from photon.domain.demand import NoPlacement, Reason, ReasonCount
from photon.domain.errors import Kind
from photon.scheduler.errors import NothingFits
from photon.scheduler.sentence import error_of
from tests.scheduler.cloud import a_demand, a_leaf, an_inventory, at_once, refused

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
        (Reason.MISSING, "NoSuchResource"),
        (Reason.WRONG_USAGE, "NoSuchResource"),
        (Reason.OTHER_HOST, "NoSuchResource"),
        (Reason.OTHER_ZONE, "NoSuchResource"),
        (Reason.NO_NETWORK, "NoSuchResource"),
        (Reason.NO_DATASTORE_REACH, "NoSuchResource"),
        (Reason.NO_DATASTORE_TAG, "UnfullfillableAffinities"),
        (Reason.DISKS_APART, "UnfullfillableDiskAffinities"),
        (Reason.TOO_LITTLE_CPU, "NotEnoughCpuResource"),
        (Reason.TOO_LITTLE_MEMORY, "NotEnoughMemoryResource"),
        (Reason.TOO_LITTLE_DISK, "NotEnoughDatastoreCapacity"),
    ],
)
def test_each_reason_has_its_code_and_its_words(reason: Reason, code: str) -> None:
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
