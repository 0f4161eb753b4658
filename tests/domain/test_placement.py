"""The words of placement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon.domain.demand import Demand, DiskDemand
from photon.domain.guest import HostDatastore
from photon.domain.host import Host, HostState, UsageTag
from photon.domain.placement import (
    HostView,
    labels_asked,
    needs_datastore,
    share_disks,
    storage_labels,
)


def disks(*gib: int) -> list[DiskDemand]:
    return [DiskDemand(f"d{number}", amount) for number, amount in enumerate(gib)]


def chosen(asked: list[DiskDemand], free_gib: dict[str, int]) -> list[str] | None:
    shared = share_disks(asked, free_gib)
    return None if shared is None else [each.datastore_id for each in shared]


@pytest.mark.parametrize(
    "asked, free_gib, where",
    [
        (disks(1), {}, None),
        (disks(10), {"a": 9}, None),
        (disks(10), {"a": 10}, ["a"]),
        (disks(5, 5), {"a": 20, "b": 30}, ["b", "b"]),
        (disks(5, 5), {"a": 20, "b": 20}, ["a", "a"]),
        (disks(5, 9), {"a": 9, "b": 6}, ["b", "a"]),
        (disks(5, 9), {"a": 9, "b": 4}, None),
        (disks(), {"a": 0}, []),
    ],
)
def test_disks_lie_together_where_they_can(
    asked: list[DiskDemand], free_gib: dict[str, int], where: list[str] | None
) -> None:
    assert chosen(asked, free_gib) == where


@given(
    st.lists(st.integers(0, 30), max_size=6),
    st.dictionaries(st.sampled_from("abcd"), st.integers(-5, 60), max_size=4),
)
def test_shared_disks_never_overfill(gib: list[int], free_gib: dict[str, int]) -> None:
    asked = disks(*gib)
    shared = share_disks(asked, free_gib)
    if shared is None:
        return
    assert [each.disk_id for each in shared] == [disk.id for disk in asked]
    for id, free in free_gib.items():
        used = sum(
            disk.capacity_gib
            for disk, each in zip(asked, shared, strict=True)
            if each.datastore_id == id
        )
        assert used == 0 or used <= free


@pytest.mark.parametrize(
    "type, tags, labels",
    [
        ("LOCAL_VMFS", [], {"LOCAL_VMFS"}),
        ("NFS_41", ["gold"], {"NFS_41", "NFS", "GOLD"}),
        ("VSAN", ["VSAN"], {"VSAN"}),
    ],
)
def test_a_datastore_is_known_by_its_tags_and_its_type(
    type: str, tags: list[str], labels: set[str]
) -> None:
    assert storage_labels(HostDatastore("d", "d", type, frozenset(tags), 1, 1)) == labels


def test_all_disks_tags_are_asked_of_one_datastore() -> None:
    asked = [DiskDemand("a", 1, frozenset({"ssd"})), DiskDemand("b", 1, frozenset({"NFS"}))]
    assert labels_asked([each.datastore_tags for each in asked]) == {"SSD", "NFS"}


def test_only_what_stores_needs_a_datastore() -> None:
    assert not needs_datastore(Demand("x", cpus=1))
    assert needs_datastore(Demand("x", disks=tuple(disks(1))))
    assert needs_datastore(Demand("x", datastore_id="ds"))


def test_a_host_offers_whole_amounts_of_what_it_has() -> None:
    host = Host(
        "h", "10.0.0.1", "u", "p", (UsageTag.CLOUD,), HostState.READY, cpus=3, memory_mib=1001
    )
    view = HostView.of(host)
    assert (view.cpus_offered, view.memory_mib_offered) == (48, 1001)
    assert view.agent_endpoint == "10.0.0.1:8835"
    assert (
        HostView(
            "h", "a", "e", HostState.READY, frozenset(), memory_mib=1001, memory_overcommit=1.5
        ).memory_mib_offered
        == 1501
    )
