"""Filters are found by listing their package: adding one is adding one file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import photon
from photon.domain.demand import Demand, DiskDemand, Reason
from photon.domain.host import UsageTag
from photon.scheduler import filters
from photon.scheduler.filter_order import ALL, AMOUNTS, BY_REASON, FIXED, ROOM, find_filters
from photon.scheduler.ledger import Ledger
from photon.scheduler.summary import Facts, missing_fact
from photon.scheduler.table import HostTable
from tests.scheduler.cloud import a_datastore, a_leaf, an_inventory

SOURCES = Path(photon.__file__).parent
ONE_MORE = '''"""Only a host that offers a VM of several vCPUs 100,000 for each but the first."""

from typing import Final

from photon.domain.demand import Demand
from photon.scheduler.errors import NoSuchResource
from photon.scheduler.filter_kinds import FixedFilter, Words
from photon.scheduler.table import HostTable, Mask


def is_vast(hosts: HostTable, demand: Demand) -> Mask:
    passing: Mask = hosts.cpus_offered >= 100_000 * (demand.cpus - 1)
    return passing


FILTER: Final = FixedFilter(
    rank=75,
    reason="NOT_VAST",
    words=Words(
        NoSuchResource,
        "is not vast enough for {cpus} vCPUs",
        "are not vast enough for {cpus} vCPUs",
        "ask for one vCPU, or add a vast host",
        facts=lambda demand: {"cpus": str(demand.cpus)},
    ),
    reads=("cpus",),
    passes=is_vast,
)
'''
# The words of the API: a change here is a change for its clients.
ORDER = (
    "EXCLUDED",
    "NOT_READY",
    "MISSING",
    "NODE_SILENT",
    "WRONG_USAGE",
    "OTHER_HOST",
    "OTHER_ZONE",
    "NO_NETWORK",
    "NO_DATASTORE_REACH",
    "NO_DATASTORE_TAG",
    "DISKS_APART",
    "GROUP_ELSEWHERE",
    "GROUP_TOO_NEAR",
    "TOO_LITTLE_CPU",
    "TOO_LITTLE_MEMORY",
    "TOO_LITTLE_DISK",
)


def test_filters_stand_in_this_order() -> None:
    assert tuple(each.reason for each in ALL) == ORDER
    asked = [*(each.reason for each in FIXED), *(each.reason for each in AMOUNTS)]
    # Those two are no question to a host: its leaf knows the one, its parent the other.
    assert asked == [each for each in ORDER if each not in (Reason.EXCLUDED, Reason.NODE_SILENT)]
    assert tuple(each.reason for each in ROOM) == ORDER[-3:]


def test_each_module_of_the_package_is_a_filter_that_is_found() -> None:
    names = {path.stem for path in (SOURCES / "scheduler" / "filters").glob("*.py")}
    modules = [import_module(f"{filters.__name__}.{name}") for name in names - {"__init__"}]
    assert {id(module.FILTER) for module in modules} == {id(each) for each in ALL}


def test_each_reason_that_the_scheduler_names_itself_has_its_filter() -> None:
    assert set(Reason) <= set(BY_REASON)


# --- what a developer is told --------------------------------------------------------------------


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda text: text.replace("FILTER:", "OTHER:"), "has no FILTER"),
        (lambda text: text.replace("=75", "=70"), "two filters have the rank 70"),
        (lambda text: text.replace("NOT_VAST", "OTHER_ZONE"), "have the reason OTHER_ZONE"),
        (lambda text: text.replace("=75", "=145"), "NOT_VAST is asked before"),
    ],
)
def test_a_filter_that_cannot_be_is_refused_at_the_start(
    change: Callable[[str], str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = f"filters_of_{tmp_path.name}"
    copied = shutil.copytree(SOURCES / "scheduler" / "filters", tmp_path / package)
    (copied / "vastness.py").write_text(change(ONE_MORE))
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises((TypeError, ValueError), match=told):
        find_filters(import_module(package))


# --- what filters read ---------------------------------------------------------------------------

PLAIN = Demand("plain")
PICKY = Demand(
    "picky",
    1,
    1,
    (DiskDemand("a", 1, frozenset({"SSD"})), DiskDemand("b", 1)),
    usage=UsageTag.MGMT,
    networks=("net-1",),
    zone_id="z1",
    host_address="h1.example",
    datastore_id="ds-h1",
    datastore_type="LOCAL_VMFS",
    datastores_reached=frozenset({"ds-h1"}),
)


class Watched:
    """A demand that remembers what was read of it."""

    def __init__(self, demand: Demand) -> None:
        self._demand = demand
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self._demand, name)


def a_table() -> HostTable:
    leaf = a_leaf(an_inventory(datastores=[a_datastore("ds-h1", tags=("SSD",))]))
    ledger: Ledger = leaf._ledger
    return ledger.table()


@pytest.mark.parametrize("demand", [PLAIN, PICKY], ids=["plain", "picky"])
@pytest.mark.parametrize("each", FIXED, ids=lambda each: each.reason)
def test_a_filter_reads_no_more_of_a_demand_than_its_answer_is_kept_for(
    each: Any, demand: Demand
) -> None:
    watched = Watched(demand)
    each.passes(a_table(), watched)
    assert watched.read <= set(each.reads)
    if demand is PICKY:
        assert watched.read == set(each.reads)


@pytest.mark.parametrize("demand", [PLAIN, PICKY], ids=["plain", "picky"])
def test_a_summary_is_asked_no_more_of_a_demand_than_filters_are(demand: Demand) -> None:
    watched: Any = Watched(demand)
    missing_fact(Facts(usage=frozenset(UsageTag)), watched)
    assert watched.read <= {name for each in FIXED for name in each.reads}


# --- one more ------------------------------------------------------------------------------------


def test_one_more_file_refuses_counts_and_words_without_another_being_touched(
    tmp_path: Path,
) -> None:
    """In a copy of the sources and a process of its own, as a developer would add it."""
    copied = shutil.copytree(SOURCES, tmp_path / "photon")
    shutil.copytree(SOURCES.parent / "thrift", tmp_path / "thrift")
    (copied / "scheduler" / "filters" / "vastness.py").write_text(ONE_MORE)
    run = subprocess.run(
        [sys.executable, "-m", "tests.scheduler.one_more_filter"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(SOURCES.parent)},
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr.decode()
    said = json.loads(run.stdout)
    assert Path(said["photon"]) == copied
    step = "ask for one vCPU, or add a vast host"
    assert said["leaf"] == {
        "reasons": [["NOT_VAST", 2]],
        "code": "NoSuchResource",
        "sentence": "2 hosts asked: 2 are not vast enough for 2 vCPUs; host h1.example came "
        f"nearest, it is not vast enough for 2 vCPUs; {step}",
        "fits": 0,
    }
    code, facts = said["api"]["task"]
    assert (code, facts["NOT_VAST"]) == ("NoSuchResource", "1")
    capacity = said["api"]["capacity"]
    first = capacity["runsOutFirst"]
    assert (capacity["count"], first["what"], first["hosts"]) == (0, "NOT_VAST", 1)
    assert step in first["explanation"]
    assert [each["reason"] for each in capacity["refusal"]["reasons"]] == ["NOT_VAST"]
