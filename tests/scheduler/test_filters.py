"""Each reason for which a host is not taken, one row of the table a rule."""

from __future__ import annotations

from typing import Any

import pytest

from photon.domain.demand import DiskDemand, Reason, ReasonCount
from photon.domain.guest import HostMode
from photon.domain.host import HostState, UsageTag
from photon.domain.overcommit import MEMORY_OVERCOMMIT
from photon.domain.placement import HostView
from photon.scheduler.leaf import Leaf
from tests.scheduler.cloud import (
    TurnedClock,
    a_datastore,
    a_demand,
    a_leaf,
    a_view,
    an_inventory,
    at_once,
    placed,
    refused,
)

SSD = a_datastore("ssd", tags=("SSD",))
HDD = a_datastore("hdd", type="NFS_3", tags=("HDD",))


def ask(host: HostView, inventory: dict[str, Any], demand: dict[str, Any]) -> str | None:
    leaf = Leaf(TurnedClock())
    leaf.put_host(host)
    leaf.report(an_inventory(**inventory))
    answer = at_once(leaf.place(a_demand(**demand)))
    if not hasattr(answer, "reasons"):
        return None
    (count,) = refused(answer).reasons
    assert count.hosts == 1
    return count.reason


@pytest.mark.parametrize(
    "host, inventory, demand, reason",
    [
        (a_view(), {}, {}, None),
        (a_view(), {}, {"hosts_excluded": frozenset({"h1"})}, Reason.EXCLUDED),
        (a_view(), {}, {"hosts_excluded": frozenset({"h2"})}, None),
        (a_view(state=HostState.SUSPENDED), {}, {}, Reason.NOT_READY),
        (a_view(state=HostState.NOT_PROVISIONED), {}, {}, Reason.NOT_READY),
        (a_view(), {"mode": HostMode.ENTERING_MAINTENANCE}, {}, Reason.NOT_READY),
        (a_view(usage=[UsageTag.MGMT]), {}, {}, Reason.WRONG_USAGE),
        (a_view(usage=[UsageTag.MGMT, UsageTag.CLOUD]), {}, {}, None),
        (a_view(), {}, {"usage": UsageTag.MGMT}, Reason.WRONG_USAGE),
        (a_view(), {}, {"host_address": "h2.example"}, Reason.OTHER_HOST),
        (a_view(), {}, {"host_address": "h1.example"}, None),
        (a_view(zone_id="z2"), {}, {"zone_id": "z1"}, Reason.OTHER_ZONE),
        (a_view(), {}, {"zone_id": "z1"}, Reason.OTHER_ZONE),
        (a_view(zone_id="z1"), {}, {"zone_id": "z1"}, None),
        (a_view(zone_id="z1"), {}, {}, None),
        (a_view(), {}, {"networks": ("net-1", "net-2")}, Reason.NO_NETWORK),
        (a_view(), {"networks": ["net-1", "net-2"]}, {"networks": ("net-1", "net-2")}, None),
        (a_view(), {}, {"datastores_reached": frozenset({"far"})}, Reason.NO_DATASTORE_REACH),
        (a_view(), {}, {"datastores_reached": frozenset({"ds-h1"})}, None),
        (a_view(), {}, {"datastore_id": "far"}, Reason.NO_DATASTORE_REACH),
        (a_view(), {}, {"datastore_id": "ds-h1"}, None),
        (a_view(), {}, {"tags": ["SSD"]}, Reason.NO_DATASTORE_TAG),
        (a_view(), {"datastores": [SSD]}, {"tags": ["ssd"]}, None),
        (a_view(), {"datastores": [SSD]}, {"tags": ["LOCAL_VMFS"]}, None),
        (a_view(), {"datastores": [HDD]}, {"tags": ["NFS"]}, None),
        (a_view(), {"datastores": [SSD]}, {"datastore_type": "NFS_3"}, Reason.NO_DATASTORE_TAG),
        (a_view(), {"datastores": [SSD, HDD]}, {"datastore_type": "NFS_3"}, None),
        (
            a_view(),
            {"datastores": [SSD, HDD]},
            {"datastore_id": "hdd", "tags": ["SSD"]},
            Reason.NO_DATASTORE_TAG,
        ),
        (a_view(), {"datastores": []}, {}, Reason.NO_DATASTORE_TAG),
        (a_view(), {"datastores": []}, {"gib": 0}, None),
        (a_view(), {}, {"cpus": 65}, Reason.TOO_LITTLE_CPU),
        (a_view(), {}, {"cpus": 64}, None),
        (a_view(cpu_overcommit=1.0), {}, {"cpus": 5}, Reason.TOO_LITTLE_CPU),
        (a_view(), {}, {"memory_mib": 8193}, Reason.TOO_LITTLE_MEMORY),
        (a_view(), {}, {"memory_mib": 8192}, None),
        (a_view(memory_overcommit=1.5), {}, {"memory_mib": 12288}, None),
        (a_view(), {}, {"gib": 101}, Reason.TOO_LITTLE_DISK),
        (a_view(), {}, {"gib": 100}, None),
        (a_view(), {}, {"cpus": 0, "memory_mib": 0, "gib": 101}, Reason.TOO_LITTLE_DISK),
    ],
)
def test_a_host_is_refused_for_this_reason(
    host: HostView, inventory: dict[str, Any], demand: dict[str, Any], reason: str | None
) -> None:
    assert ask(host, inventory, demand) == reason


def test_disks_with_tags_of_different_datastores_are_apart() -> None:
    leaf = a_leaf(an_inventory(datastores=[SSD, HDD]))
    disks = (DiskDemand("a", 1, frozenset({"SSD"})), DiskDemand("b", 1, frozenset({"HDD"})))
    answer = refused(at_once(leaf.place(a_demand(disks=disks))))
    assert answer.reasons == (ReasonCount("DISKS_APART", 1),)


def test_disks_that_fit_on_no_one_datastore_are_shared_out() -> None:
    two = [a_datastore("a", 100), a_datastore("b", 60)]
    leaf = a_leaf(an_inventory(datastores=two))
    disks = (DiskDemand("small", 50), DiskDemand("large", 90))
    answer = placed(at_once(leaf.place(a_demand(disks=disks))))
    assert [(each.disk_id, each.datastore_id) for each in answer.disks] == [
        ("small", "b"),
        ("large", "a"),
    ]
    assert leaf.audit() == []


def test_a_host_with_one_datastore_for_all_disks_goes_before_an_emptier_one_without() -> None:
    apart = an_inventory("h1", datastores=[a_datastore("a", 60), a_datastore("b", 60)])
    together = an_inventory("h2", memory_mib=4096, datastores=[a_datastore("c", 100)])
    leaf = a_leaf(apart, together)
    disks = (DiskDemand("x", 50), DiskDemand("y", 50))
    assert placed(at_once(leaf.place(a_demand(disks=disks)))).host_id == "h2"


def test_a_host_is_missing_until_its_first_inventory() -> None:
    leaf = Leaf(TurnedClock())
    leaf.put_host(a_view())
    assert refused(at_once(leaf.place(a_demand()))).reasons == (ReasonCount("MISSING", 1),)


def test_a_host_that_is_missing_takes_nothing_until_it_is_back() -> None:
    leaf = a_leaf(an_inventory())
    leaf.missing("h1")
    assert refused(at_once(leaf.place(a_demand()))).reasons == (ReasonCount("MISSING", 1),)
    leaf.back("h1")
    placed(at_once(leaf.place(a_demand())))


def test_a_host_that_holds_more_than_it_has_still_takes_a_disk() -> None:
    leaf = a_leaf(an_inventory(memory_mib=1024))
    leaf.put_host(a_view("h1", memory_overcommit=MEMORY_OVERCOMMIT / 2))
    full = a_demand("vm-1", memory_mib=1024)
    placement = placed(at_once(a_leaf(an_inventory()).place(full)))
    at_once(leaf.hold(full, placement))
    placed(at_once(leaf.place(a_demand("disk-1", cpus=0, memory_mib=0))))


def test_a_leaf_without_hosts_asks_none() -> None:
    answer = refused(at_once(a_leaf().place(a_demand())))
    assert (answer.hosts_asked, answer.reasons) == (0, ())


@pytest.mark.parametrize(
    "constraint",
    [
        {"usage": UsageTag.MGMT},
        {"host_address": "h2.example"},
        {"zone_id": "z1"},
        {"networks": ("net-2",)},
        {"datastores_reached": frozenset({"far"})},
        {"datastore_id": "far"},
        {"datastore_type": "VSAN"},
        {"tags": ["SSD"]},
    ],
)
def test_what_was_found_for_one_demand_is_not_told_to_another_that_asks_more(
    constraint: dict[str, Any],
) -> None:
    leaf = a_leaf(an_inventory())
    placed(at_once(leaf.place(a_demand("plain"))))
    refused(at_once(leaf.place(a_demand("asks-more", **constraint))))
    placed(at_once(leaf.place(a_demand("plain-again"))))
