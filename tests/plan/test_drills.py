"""What dies: what becomes of its VMs, when it is known, and since when VMs are made as usual."""

from __future__ import annotations

from pathlib import Path

import pytest

from photon.plan.result import Drill, Result
from tests.plan.test_run import RACKS, result_of

WORKLOAD = """
image: 1GB
flavors: {small: {cpus: 1, memory: 4GB}}
fit: none
vms: [{name: web, flavor: small, count: 7}]
drills: [racks, agent, controllers, store]
outage: 2m
"""
HOSTS = RACKS.replace("controllers: 2", "controllers: 3")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return result_of(tmp_path_factory.mktemp("drills"), HOSTS, WORKLOAD)


def drill_of(result: Result, kind: str) -> Drill:
    return max((each for each in result.drills if each.kind == kind), key=lambda each: each.vms)


def test_vms_are_started_and_counted(result: Result) -> None:
    assert [(each.made, each.started) for each in result.standing] == [(7, 7)]
    assert {(drill.kind, drill.name) for drill in result.drills} == {
        ("rack", "e"), ("rack", "w"), ("agent", "h-e-1"), ("store", "store"),
        ("controller", "controller-1"), ("controller", "controller-2"),
        ("controller", "controller-3"),
    }  # fmt: skip


def test_with_a_rack_its_vms_stop_and_are_made_elsewhere(result: Result) -> None:
    for drill in (each for each in result.drills if each.kind == "rack"):
        assert drill.vms == drill.lost == drill.stopped > 0
        assert drill.replaced == drill.lost, "seven are within the eight places of one rack"
        assert drill.all_missing is not None
        assert drill.replaced_after is not None
        assert drill.replaced_after > drill.all_missing


def test_what_is_played_and_what_is_placed_agree_on_what_finds_room(result: Result) -> None:
    [one] = [each for each in result.survivals if each.kind == "rack"]
    assert (one.away, one.of, one.survives) == (1, 2, True)
    assert one.vms_most == drill_of(result, "rack").lost


def test_an_agent_that_dies_takes_no_vm_along(result: Result) -> None:
    drill = drill_of(result, "agent")
    assert (drill.hosts, drill.lost, drill.stopped) == (1, 0, 0)
    assert drill.all_missing is not None, "nobody hears of its host"
    assert drill.back_after is not None


@pytest.mark.parametrize("kind", ["controller", "store"])
def test_what_is_no_host_stops_no_vm_and_vms_are_made_again(result: Result, kind: str) -> None:
    for drill in (each for each in result.drills if each.kind == kind):
        assert (drill.hosts, drill.vms, drill.lost, drill.stopped) == (0, 0, 0, 0)
        assert drill.probes.steady_after is not None
        assert drill.back_after is not None


def test_with_a_controller_gone_the_others_make_vms_within_the_outage(result: Result) -> None:
    for drill in (each for each in result.drills if each.kind == "controller"):
        assert drill.probes.steady_after is not None
        assert drill.probes.steady_after < drill.outage


def test_without_a_store_no_vm_is_made_until_it_is_back(result: Result) -> None:
    drill = drill_of(result, "store")
    assert drill.probes.first_after is not None
    assert drill.probes.first_after > drill.outage
    assert drill.probes.failed < drill.probes.asked


def test_vms_that_are_not_to_run_are_made_only(tmp_path: Path) -> None:
    text = WORKLOAD.partition("drills:")[0] + "drills: [racks]\noutage: 1m\nstart: false\n"
    result = result_of(tmp_path, RACKS, text)
    assert [(each.made, each.started) for each in result.standing] == [(7, 0)]
    assert all(drill.lost and not drill.stopped for drill in result.drills)
    assert any("not started" in note for note in result.notes)
