"""Placement only: the same answers as the whole product's, from its scheduler alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from photon.plan.hosts import HostPlan
from photon.plan.hosts_file import read_hosts
from photon.plan.options import Options
from photon.plan.placing.cloud import Placed, PlacingCloud
from photon.plan.placing.losses import lost
from photon.plan.placing.run import place_plan
from photon.plan.progress import Silent
from photon.plan.report.sections import sections
from photon.plan.report.terminal import plain
from photon.plan.result import Mode, Result, Survival
from photon.plan.run import run_plan
from photon.plan.workload import WorkloadPlan
from photon.plan.workload_file import read_workload
from photon.simulation.chance import Chance

ZONES = """
zones: {east: [e1, e2], west: [w1, w2]}
hosts:
  - {name: h, count: 8, racks: [e1, e2, w1, w2], cpus: 4, memory: 16GB,
     datastores: [{name: local, size: 100GB}]}
controllers: 2
"""
IN_ZONES = """
image: 1GB
flavors: {small: {cpus: 1, memory: 4GB}, deep: {cpus: 1, memory: 1GB, disks: [30GB]}}
drills: none
vms:
  - {name: web, flavor: small, count: 6, zone: east}
  - {name: db, flavor: small, count: 4, apart: {host: 1, zone: 2}}
  - {name: near, flavor: small, count: 2, near: [db]}
  - {name: far, flavor: small, count: 12, apart_from: [web]}
"""
OVERCOMMITTED = """
hosts:
  - {name: odd, count: 3, cpus: 3, memory: 10GB, overcommit: {cpu: 2.5, memory: 1.3333333},
     datastores: [{name: local, size: 500GB}]}
  - {name: plain, count: 2, cpus: 8, memory: 12GB, datastores: [{name: local, size: 500GB}]}
failover_share: 0.25
"""
IN_OVERCOMMITTED = """
image: 1GB
flavors: {wide: {cpus: 1, memory: 1001MB}, busy: {cpus: 2, memory: 256MB}}
drills: none
vms: [{name: one, flavor: wide, count: 5}]
"""
SHARED = """
hosts:
  - {name: n, count: 4, cpus: 16, memory: 64GB, networks: [office, storage],
     datastores: [{name: nas, size: 1TB, shared: true},
                  {name: fast, size: 300GB, shared: true, tags: [FAST]}]}
  - {name: o, count: 2, cpus: 16, memory: 64GB, networks: [office],
     datastores: [{name: nas, size: 1TB, shared: true}]}
"""
IN_SHARED = """
image: 20GB
flavors: {desk: {cpus: 1, memory: 8GB, disks: [40GB]}, quick: {cpus: 1, memory: 1GB, tags: [FAST]}}
fit: [quick]
drills: none
vms: [{name: ledger, flavor: quick, count: 3, networks: [storage], apart: {host: 1}}]
"""


def read(folder: Path, hosts: str, workload: str) -> tuple[HostPlan, WorkloadPlan]:
    (folder / "hosts.yaml").write_text(hosts)
    (folder / "workload.yaml").write_text(workload)
    planned = read_hosts(folder / "hosts.yaml")
    return planned, read_workload(folder / "workload.yaml", planned)


def placed(folder: Path, hosts: str, workload: str, jobs: int = 1) -> Result:
    return place_plan(*read(folder, hosts, workload), Options(jobs=jobs), Silent())


@pytest.mark.parametrize(
    ("hosts", "workload"),
    [(ZONES, IN_ZONES), (OVERCOMMITTED, IN_OVERCOMMITTED), (SHARED, IN_SHARED)],
    ids=["zones and rules", "overcommit and failover share", "shared datastores and networks"],
)
def test_as_many_fit_as_when_the_whole_product_is_played(
    tmp_path: Path, hosts: str, workload: str
) -> None:
    plan = read(tmp_path, hosts, workload)
    played = run_plan(*plan, Options(jobs=1), Silent())
    only_placed = place_plan(*plan, Options(jobs=1), Silent())
    assert (played.mode, only_placed.mode) == (Mode.PLAYED, Mode.PLACED)

    def fits(result: Result) -> list[tuple[object, ...]]:
        return [
            (fit.flavor, fit.on, fit.made, fit.scheduler_said, fit.exact, fit.by_zone,
             {each.reason: each.hosts for each in fit.why})
            for fit in result.fits
        ]  # fmt: skip

    assert fits(only_placed) == fits(played)
    assert all(fit.made for fit in played.fits if fit.on == "empty"), "else nothing is compared"
    assert [(each.made, each.refused) for each in only_placed.standing] == [
        (each.made, each.refused) for each in played.standing
    ]
    assert only_placed.findings == played.findings == ()


# Eight hosts of four places: a rack has eight, a zone sixteen.
def crowded(vms: int) -> str:
    return f"""
image: 1GB
flavors: {{small: {{cpus: 1, memory: 4GB}}}}
fit: none
vms: [{{name: web, flavor: small, count: {vms}}}]
"""


def survival(result: Result, kind: str, away: int) -> Survival:
    [found] = [each for each in result.survivals if (each.kind, each.away) == (kind, away)]
    return found


@pytest.mark.parametrize(
    ("vms", "one", "two", "zone"),
    [(16, 0, 0, 0), (20, 0, 4, 4), (24, 0, 8, 8), (28, 4, 12, 12), (32, 8, 16, 16)],
)
def test_what_is_left_after_a_loss_holds_all_or_lacks_room_for_so_many(
    tmp_path: Path, vms: int, one: int, two: int, zone: int
) -> None:
    result = placed(tmp_path, ZONES, crowded(vms))
    found = [survival(result, *each) for each in (("rack", 1), ("rack", 2), ("zone", 1))]
    assert [each.no_room_most for each in found] == [one, two, zone]
    assert [each.survives for each in found] == [not one, not two, not zone]
    assert [(each.tried, each.of) for each in found] == [(4, 4), (6, 6), (2, 2)]
    assert [each.lacking for each in found] == [4 * bool(one), 6 * bool(two), 2 * bool(zone)]
    said = "\n".join(plain(section) for section in sections(result))
    verb = "Does not survive" if one else "Survives"
    assert f"{verb} the loss of any rack" in said
    assert "Placement only: the scheduler placed the VMs" in said


def test_of_many_losses_the_heaviest_are_tried_and_the_report_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("photon.plan.placing.losses.MOVES_MAX", 40)
    result = placed(tmp_path, ZONES, crowded(28))
    two = survival(result, "rack", 2)
    assert (two.tried, two.of, two.is_whole) == (2, 6, False)
    said = "\n".join(plain(section) for section in sections(result))
    assert "2 of 6" in said


async def test_after_a_loss_all_is_as_it_was(tmp_path: Path) -> None:
    plan = read(tmp_path, ZONES, crowded(20))
    cloud = PlacingCloud(*plan, Chance(1).stream("placing"))
    [standing] = plan[1].standing
    for _ in range(20):
        assert isinstance(await cloud.place("web", standing.wants), Placed)
    await cloud.settle()
    before = {address: dict(there) for address, there in cloud.placed.items()}
    foretold = await cloud.foretold(standing.wants)
    first = await lost(cloud, "zone", ["east"], Silent())
    assert (first.hosts, first.vms) == (4, len(cloud.on(plan[0].addresses("zone", "east"))))
    assert first.no_room == 4
    assert cloud.placed == before
    assert await cloud.foretold(standing.wants) == foretold
    assert cloud.audit() == []
    assert await lost(cloud, "zone", ["east"], Silent()) == first


def test_how_many_processes_work_changes_nothing(tmp_path: Path) -> None:
    assert placed(tmp_path, ZONES, IN_ZONES) == placed(tmp_path, ZONES, IN_ZONES, jobs=2)
    one, two = (placed(tmp_path, ZONES, crowded(28), jobs=jobs) for jobs in (1, 2))
    assert [each.no_room_most for each in one.survivals] == [
        each.no_room_most for each in two.survivals
    ]
