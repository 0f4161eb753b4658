"""Every mistake in a plan's file is a sentence with its place; what is right is read as meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from photon.domain.demand import Strategy
from photon.plan.hosts import HostPlan
from photon.plan.hosts_file import read_hosts
from photon.plan.problems import PROBLEMS_MAX, PlanWrong
from photon.plan.tree import DEPTH_MAX, FILE_BYTES_MAX
from photon.plan.workload import Apart, Happening, WorkloadPlan
from photon.plan.workload_file import read_workload
from tests.house.tree import ROOT
from tests.plan.builders import HOSTS, WORKLOAD

EXAMPLES = ROOT / "examples" / "plan"


def hosts_of(folder: Path, text: str) -> HostPlan:
    file = folder / "hosts.yaml"
    file.write_text(text)
    return read_hosts(file)


def plan_of(folder: Path, workload: str, hosts: str = HOSTS) -> WorkloadPlan:
    file = folder / "workload.yaml"
    file.write_text(workload)
    return read_workload(file, hosts_of(folder, hosts))


def said_of(folder: Path, hosts: str = HOSTS, workload: str = WORKLOAD) -> list[str]:
    """What is wrong, without the folder."""
    with pytest.raises(PlanWrong) as wrong:
        plan_of(folder, workload, hosts)
    return [line.removeprefix(f"{folder}/") for line in wrong.value.paragraphs()]


def test_the_examples_are_in_order() -> None:
    hosts = read_hosts(EXAMPLES / "small-hosts.yaml")
    plan = read_workload(EXAMPLES / "small-workload.yaml", hosts)
    assert len(hosts.hosts) == 16
    assert hosts.addresses("rack", "e1") == (
        "compute-e1-1", "compute-e1-2", "compute-e1-3", "large-e1-1",
    )  # fmt: skip
    assert {host.zone for host in hosts.hosts if host.rack in ("e1", "e2")} == {"east"}
    assert plan.drills == ("rack", "zone", "agent", "controller", "store")
    assert [each.happening for each in plan.events][:2] == [Happening.DIES, Happening.RETURNS]


def test_hosts_are_what_the_file_says(tmp_path: Path) -> None:
    text = """
zones: {east: [r1]}
hosts:
  - name: big
    count: 3
    racks: [r1, r2]
    zone: west
    cpus: 8
    memory: 1.5TB
    overcommit: {cpu: 2, memory: 1.5}
    networks: [VM Network, no]
    datastores:
      - {name: fast, size: 2TB, tags: [ssd]}
      - {name: nas, size: 10GB, shared: yes}
"""
    with pytest.raises(PlanWrong, match="its rack 'r1' is in 'east'"):
        hosts_of(tmp_path, text)
    plan = hosts_of(tmp_path, text.replace("    zone: west\n", ""))
    assert [host.address for host in plan.hosts] == ["big-r1-1", "big-r2-1", "big-r1-2"]
    assert [host.zone for host in plan.hosts] == ["east", "", "east"]
    [first, *_] = plan.hosts
    assert (first.cpus_offered, first.memory_mib_offered) == (16, int(1.5 * 1.5 * (1 << 20)))
    assert first.capacity().networks == ("VM Network", "no")
    fast, nas = first.capacity().datastores
    assert (fast.id, fast.tags, fast.capacity_gib) == ("big-r1-1-fast", frozenset({"SSD"}), 2048)
    assert (nas.id, nas.type) == ("nas", "SHARED_VMFS")


def test_a_workload_is_what_the_file_says(tmp_path: Path) -> None:
    plan = plan_of(
        tmp_path,
        """
image: 20GB
duration: 1h30m
flavors: {small: {cpus: 1, memory: 512MB, disks: [10GB]}}
fit: none
drills: none
vms:
  - {name: web, flavor: small, count: 2, policy: pack, apart: {host: 1, soft: true}, near: [db]}
  - {name: db, flavor: small, count: 1, apart_from: [web]}
arrivals:
  - {name: batch, flavor: small, rate: 30/m, lifetime: 90s, until: 10m}
events:
  - {at: 20m, host: compute-2, event: returns}
  - {at: 5m, group: compute, event: is-cut-off}
""",
    )
    assert (plan.image_gib, plan.duration_seconds, plan.fit, plan.drills) == (20, 5400.0, (), ())
    web, db = plan.standing
    assert web.wants.policy is Strategy.PACK
    assert web.wants.apart == (Apart("web", 1, None, soft=True),)
    assert (web.wants.near, db.wants.apart) == (("db",), (Apart("web", 1, None),))
    [batch] = plan.arriving
    assert (batch.per_second, batch.lifetime_seconds, batch.until_seconds) == (0.5, 90.0, 600.0)
    assert [event.at_seconds for event in plan.events] == [300.0, 1200.0]


HOST_MISTAKES = [
    ("", "hosts.yaml:1: it is empty."),
    ("- a\n", "hosts.yaml:1: a list stands here; write members, each as 'name: value'."),
    ("hosts: [\n", "this is no YAML"),
    ("hosts: 'x\x07'\n", "characters that YAML does not allow"),
    ("hosts: &a [*a]\n", "hosts.yaml:1: anchors (&name, *name) are not read; write it out."),
    ("hosts: !!python/object:os.system x\n", "are not read; write the plain value."),
    ("hosts: []\nhosts: []\n", "hosts.yaml:2: 'hosts' is said twice, first in line 1."),
    ("a: 1\n---\nb: 2\n", "hosts.yaml:3: a second document begins here; one file has one."),
    ("? [a]\n: b\n", "a name should stand before the colon."),
    ("[" * 50, f"lists within lists, deeper than {DEPTH_MAX} levels."),
    ("zones: {}\n", "'hosts' is missing; write it as 'hosts: a list of groups of hosts'."),
    ("hosts: []\n", "hosts: there are no hosts; write one group at least."),
    ("hosts:\n", "hosts: nothing stands here; write a list, each item after a '-'."),
    ("host: []\n", "hosts.yaml:1: host: nothing is called so here. Did you mean 'hosts'?"),
    (HOSTS.replace("count: 4", "count: 0"), "hosts[0].count: '0' is not from 1 to 10000."),
    (HOSTS.replace("count: 4", "count: 4e9"), "hosts[0].count: '4e9' is not a whole number"),
    (HOSTS.replace("count: 4", "count: ''"), "hosts[0].count: nothing stands here; write one"),
    (HOSTS.replace("16GB", "16"), "hosts[0].memory: 16 of what? Write the unit as well: 16GB, or"),
    (HOSTS.replace("16GB", "16XB"), "hosts[0].memory: '16XB' is not a size in whole MB, such as"),
    (HOSTS.replace("16GB", "99999TB"), "hosts[0].memory: '99999TB' is not from 256MB to 64TB."),
    (HOSTS.replace("100GB", "1.5GB"), "hosts[0].datastores[0].size: disks are counted in whole GB"),
    (HOSTS.replace("compute", "7up"), "hosts[0].name: '7up' is no name."),
    (HOSTS.replace("compute", "x" * 99), "is no name."),
    (HOSTS.replace("compute", "[a]"), "hosts[0].name: a list stands here; write one value"),
    (HOSTS.replace("cpus: 4,", ""), "hosts[0]: 'cpus' is missing; write it as 'cpus: 64'."),
    (HOSTS.replace("cpus: 4", "cpu: 4"), "hosts[0].cpu: nothing is called so here. Did you mean"),
    (HOSTS.replace("cpus: 4", "cpus: 4, rack: a, racks: [b]"), "write either rack or racks."),
    (HOSTS.replace("cpus: 4", "cpus: 4, racks: [a, a]"), "the rack 'a' stands here twice."),
    (HOSTS.replace("cpus: 4", "cpus: 4, overcommit: {cpu: 0}"), "'0' is not from 0.1 to 1000.0."),
    (HOSTS + "controllers: 9\n", "controllers: '9' is not from 1 to 5."),
    (HOSTS + "takes: {create: 2}\n", "takes.create: 2 of what? Write the unit as well: 2s, 2m"),
    (HOSTS + "zones: {a: [r], b: [r]}\n", "zones.b[0]: the rack 'r' is in the zone a already."),
    (HOSTS + HOSTS.splitlines()[2], "another group is called 'compute' already."),
]


@pytest.mark.parametrize(("text", "says"), HOST_MISTAKES)
def test_a_mistake_in_the_hosts_is_told_with_its_place(
    tmp_path: Path, text: str, says: str
) -> None:
    told = said_of(tmp_path, hosts=text)
    assert any(says in line for line in told), told
    assert all(line.startswith("hosts.yaml:") for line in told)


WORKLOAD_MISTAKES = [
    ("vms: []\n", "'flavors' is missing; write it as"),
    ("flavors: {}\n", "flavors: there is no flavor; write one"),
    (WORKLOAD.replace("4GB", "4GB, tags: [ssd]"), "no datastore of the hosts' file has the tag"),
    (WORKLOAD + "fit: [smal]\n", "fit[0]: 'smal' is not one of small. Did you mean 'small'?"),
    (WORKLOAD + "drills: [racks]\n", "drills[0]: the hosts' file has no racks."),
    (
        WORKLOAD + "drills: [rows]\n",
        "drills[0]: 'rows' is not one of racks, zones, agent, controllers and store.",
    ),
    (WORKLOAD + "vms: [{name: a, flavor: x, count: 1}]\n", "vms[0].flavor: 'x' is not one of"),
    (WORKLOAD + "vms: [{name: a, flavor: small}]\n", "vms[0]: 'count' is missing"),
    (
        WORKLOAD + "vms: [{name: a, flavor: small, count: 1, zone: z}]\n",
        "vms[0].zone: the hosts' file has no zone; give its groups one",
    ),
    (
        WORKLOAD + "vms: [{name: a, flavor: small, count: 1, networks: [x]}]\n",
        "vms[0].networks[0]: 'x' is not one of VM Network.",
    ),
    (
        WORKLOAD + "vms: [{name: a, flavor: small, count: 1, apart: {}}]\n",
        "vms[0].apart: say how many may be together",
    ),
    (
        WORKLOAD + "vms: [{name: a, flavor: small, count: 1, apart_from: [b]}]\n",
        "vms[0].apart_from[0]: no set of VMs is called so; there are a.",
    ),
    (
        WORKLOAD + "vms: [&x {name: a, flavor: small, count: 1}, *x]\n",
        "anchors (&name, *name) are not read",
    ),
    (
        WORKLOAD + "vms: [{name: a, flavor: small, count: 1}, {name: a, flavor: small, count: 1}]",
        "two sets of VMs are called 'a'; each needs a name of its own.",
    ),
    (
        WORKLOAD
        + "vms:\n"
        + "".join(f"  - {{name: a{n}, flavor: small, count: 49000}}\n" for n in range(2)),
        "98,000 VMs in all; 50,000 are the most that can be planned.",
    ),
    (WORKLOAD + "arrivals: [{name: a, flavor: small, rate: 1/h}]\n", "VMs arrive in time: say for"),
    (
        WORKLOAD + "duration: 7d\narrivals: [{name: a, flavor: small, rate: 9/s}]\n",
        "some 5,443,200 VMs would arrive; 50,000 are the most that can be planned",
    ),
    (
        WORKLOAD + "duration: 1h\narrivals: [{name: a, flavor: small, rate: often}]\n",
        "arrivals[0].rate: 'often' is not a rate, such as 30/h.",
    ),
    (
        WORKLOAD
        + "duration: 1h\narrivals: [{name: a, flavor: small, rate: 1/h, from: 9m, until: 5m}]\n",
        "arrivals[0].until: it ends before it begins.",
    ),
    (WORKLOAD + "events: [{at: 1m, rack: r, event: dies}]\n", "events happen in time: say for how"),
]
IN_TIME = WORKLOAD + "duration: 1h\nevents:\n  - "
WORKLOAD_MISTAKES += [
    (IN_TIME + "{at: 1m, rack: r, event: dies}\n", "the hosts' file has no rack 'r'."),
    (
        IN_TIME + "{at: 1m, host: compute, event: dies}\n",
        "events[0].host: the hosts' file has no host 'compute'. There is 'compute-",
    ),
    (IN_TIME + "{at: 2h, host: compute-1, event: dies}\n", "at: '2h' is not from 0s to 1h."),
    (IN_TIME + "{at: 1m, host: compute-1, event: die}\n", "Did you mean 'dies'?"),
    (IN_TIME + "{at: 1m, event: dies}\n", "exactly one of rack, zone, group and host is read"),
    (IN_TIME + "{at: 1m, host: compute-1, event: returns}\n", "but nothing happened to it before."),
    (
        IN_TIME
        + "{at: 1m, host: compute-1, event: dies}\n  - {at: 2m, group: compute, event: dies}",
        "events[1]: group compute dies, but some of it is away already.",
    ),
    (
        IN_TIME
        + "{at: 1m, host: compute-1, event: dies}\n"
        + "  - {at: 2m, host: compute-1, event: enters-maintenance}\n",
        "host compute-1 enters-maintenance, but some of it is away then.",
    ),
    (
        IN_TIME
        + "{at: 1m, host: compute-1, event: dies}\n"
        + "  - {at: 2m, host: compute-1, event: returns, replace: true}\n",
        "nothing is to be replaced when a host returns.",
    ),
]


@pytest.mark.parametrize(("text", "says"), WORKLOAD_MISTAKES)
def test_a_mistake_in_the_workload_is_told_with_its_place(
    tmp_path: Path, text: str, says: str
) -> None:
    told = said_of(tmp_path, workload=text)
    assert any(says in line for line in told), told
    assert all(line.startswith("workload.yaml:") for line in told)


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    told = said_of(tmp_path, HOSTS.replace("count: 4", "count: no").replace("16GB", "16"))
    assert [line.split(": ")[1] for line in told] == ["hosts[0].count", "hosts[0].memory"]


def test_a_file_of_a_thousand_mistakes_is_not_told_whole(tmp_path: Path) -> None:
    told = said_of(tmp_path, HOSTS + "".join(f"x{n}: 1\n" for n in range(1000)))
    assert len(told) == PROBLEMS_MAX + 1
    assert told[-1] == f"{1000 - PROBLEMS_MAX} more mistakes are not listed."


def test_what_a_file_says_moves_no_cursor_when_it_is_told_back(tmp_path: Path) -> None:
    told = said_of(tmp_path, HOSTS.replace("compute", '"\\e[2J\\nx"') + "\n")
    assert all(line.isprintable() for line in told), told


def test_a_file_that_is_too_long_or_no_text_or_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(PlanWrong, match="it cannot be read: No such file"):
        read_hosts(tmp_path / "nowhere.yaml")
    with pytest.raises(PlanWrong, match="it cannot be read: Is a directory"):
        read_hosts(tmp_path)
    file = tmp_path / "hosts.yaml"
    file.write_bytes(b"a: 1\n\xff\xfe")
    with pytest.raises(PlanWrong, match=r"hosts\.yaml:2: it is not UTF-8"):
        read_hosts(file)
    file.write_bytes(b"#" * (FILE_BYTES_MAX + 1))
    with pytest.raises(PlanWrong, match="more than 256 KiB"):
        read_hosts(file)
