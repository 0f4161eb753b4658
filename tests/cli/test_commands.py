"""Every command, once at least, as somebody would type it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from photon.cli.root import photon as root
from tests.cli.conftest import Photon
from tests.sdk.stub import Stub
from tests.sdk.stub_entities import HOST_ADDRESS, Json


def done(photon: Photon, line: str, *more: str) -> str:
    """Runs `line`, which must succeed; what it printed."""
    ran = photon(*line.split(), *more)
    assert ran.code == 0, f"{line}: {ran.err}"
    return ran.out


def asked(stub: Stub, at: int = -1) -> Any:
    """The JSON of the last change that was asked for."""
    changes = [asked for asked in stub.asked if asked.method != "GET"]
    return json.loads(changes[at].body)


def last_path(stub: Stub) -> str:
    changes = [asked for asked in stub.asked if asked.method != "GET"]
    return f"{changes[-1].method} {changes[-1].path.removeprefix('/v1/')}"


def only(stub: Stub, noun: str, name: str) -> Json:
    found = [one for one in stub.entities[noun].values() if one["name"] == name]
    assert len(found) == 1
    return found[0]


def add_vm(stub: Stub, name: str = "web-1") -> Json:
    project = only(stub, "projects", "web")
    disks = [{"name": "boot", "flavor": "core-disk", "bootDisk": True}]
    spec = {"name": name, "flavor": "small", "attachedDisks": disks, "parent": project["id"]}
    return stub.add("vms", spec)


def test_tenant(photon: Photon, stub: Stub) -> None:
    out = done(photon, "tenant create ops --limits vm.cpu=10,vm.memory=20GB")
    assert "Tenant ops is created" in out
    assert asked(stub)["quota"]["quotaItems"]["vm.memory"]["unit"] == "GB"
    assert "ops" in done(photon, "tenant list")
    assert "ops" in done(photon, "tenant show ops")
    assert "eng" in done(photon, "tenant get")
    done(photon, "tenant set-security-groups ops", r"corp\ops, corp\dev")
    assert asked(stub) == {"items": [r"corp\ops", r"corp\dev"]}
    assert "SET_SECURITY_GROUPS_TENANT" in done(photon, "tenant tasks ops")
    done(photon, "tenant set ops")
    assert json.loads(done(photon, "target show -o json"))["project"] is None
    assert "deleted" in done(photon, "tenant delete ops")


def test_project(photon: Photon, stub: Stub) -> None:
    done(photon, "quota set --tenant eng --limits", "vm.cpu 10 COUNT, vm.memory 4 GB")
    done(photon, "project create shop --percent 25")
    assert asked(stub)["quota"]["quotaItems"]["vm.cpu"]["limit"] == 2.5
    assert "shop" in done(photon, "project list")
    assert "shop" in done(photon, "project show shop")
    assert "web" in done(photon, "project get")
    done(photon, "project set-placement shop --strategy pack")
    assert asked(stub) == {"strategy": "PACK"}
    done(photon, "project set-security-groups shop", r"corp\shop")
    done(photon, "project tasks shop --kind vm")
    done(photon, "project set shop")
    assert "shop" in done(photon, "project get")
    done(photon, "project delete shop")


def test_quota(photon: Photon, stub: Stub) -> None:
    done(photon, "quota set --tenant eng --limits", "vm.cpu 100 COUNT, vm.memory 400 GB")
    assert last_path(stub).startswith("PUT tenants/")
    done(photon, "quota set --percent 50")
    assert asked(stub)["quotaItems"]["vm.memory"] == {"limit": 200.0, "unit": "GB", "usage": None}
    done(photon, "quota update --limits vm.cpu=20")
    assert last_path(stub).startswith("PATCH projects/")
    done(photon, "quota exclude vm.memory")
    assert last_path(stub).startswith("DELETE projects/")
    assert done(photon, "quota show").splitlines() == [
        "KEY     LIMIT  USED  UNIT",
        "vm.cpu  20     0     COUNT",
    ]
    assert "400" in done(photon, "quota show --tenant eng")


def test_flavor(photon: Photon, stub: Stub) -> None:
    done(photon, "flavor create small --kind vm --cpu 2 --memory 4GB")
    assert asked(stub)["cost"] == [
        {"key": "vm", "value": 1.0, "unit": "COUNT"},
        {"key": "vm.cpu", "value": 2.0, "unit": "COUNT"},
        {"key": "vm.memory", "value": 4.0, "unit": "GB"},
    ]
    done(photon, "flavor create big --kind vm --cost", "vm.cpu 8 COUNT, vm.memory 32 GB")
    done(photon, "flavor create fast --kind persistent-disk --storage VSAN")
    assert [item["key"] for item in asked(stub)["cost"]] == ["persistent-disk", "storage.VSAN"]
    assert "vm.memory 32 GB" in done(photon, "flavor list --kind vm")
    assert "vm.cpu 2 COUNT" in done(photon, "flavor show small")
    done(photon, "flavor tasks small")
    done(photon, "flavor delete small")


def test_image(photon: Photon, stub: Stub, tmp_path: Path) -> None:
    file = tmp_path / "ubuntu.qcow2"
    file.write_bytes(b"QFI\xfb" + bytes(70_000))
    assert "created" in done(photon, f"image create {file} --replication on_demand")
    assert only(stub, "images", "ubuntu.qcow2")["replicationType"] == "ON_DEMAND"
    done(photon, f"image create {file} --name mine --scope project")
    assert last_path(stub).startswith("POST projects/")
    assert "ubuntu" in done(photon, "image list")
    assert "ON_DEMAND" in done(photon, "image show ubuntu.qcow2")
    done(photon, "image tasks mine")
    done(photon, f"image download mine {tmp_path / 'down'}")
    assert (tmp_path / "down").read_bytes() == file.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["down", "photon", "ubuntu.qcow2"]
    done(photon, "image delete mine")


def test_vm_create(photon: Photon, stub: Stub) -> None:
    image = stub.add("images", {"name": "ubuntu", "replicationType": "EAGER"})
    subnet = stub.add("subnets", {"name": "lan"})
    zone = stub.add("zones", {"name": "rack-1"})
    out = done(
        photon,
        "vm create web-1 --flavor small --image ubuntu --subnet lan --affinity zone:rack-1 "
        "--affinity host:10.0.0.3 --tag blue --metadata owner=ann --environment a=b,c --start",
        "--disks",
        "boot core-disk boot=true, data core-disk 10",
    )
    vm = only(stub, "vms", "web-1")
    assert out == (f"VM web-1 is STARTED on host 10.0.0.3, datastore ds-local-1: {vm['id']}\n")
    created = json.loads(
        next(one.body for one in stub.asked if one.path.endswith("/vms") and one.method == "POST")
    )
    assert created["sourceImageId"] == image["id"]
    assert created["subnets"] == [subnet["id"]]
    assert created["affinities"] == [
        {"id": zone["id"], "kind": "availabilityZone"},
        {"id": "10.0.0.3", "kind": "host"},
    ]
    assert [disk["capacityGb"] for disk in created["attachedDisks"]] == [None, 10]
    assert created["environment"] == {"a": "b,c"}
    assert created["placement"] is None


def test_capacity(photon: Photon, stub: Stub) -> None:
    stub.add("images", {"name": "ubuntu", "replicationType": "EAGER"})
    line = "capacity --flavor small --image ubuntu --boot-disk core-disk --affinity host:10.0.0.3"
    assert done(photon, line).splitlines() == [
        "7 more fit: hosts have room for 9, the quota for 7.",
        "First to run out: the quota is full.",
        "ZONE    FIT  RUNS OUT",
        "rack-1  9    TOO_LITTLE_MEMORY",
    ]
    assert asked(stub)["attachedDisks"][0]["bootDisk"] is True
    assert photon(*line.split(), "-o", "json").json["count"] == 7


def test_vm_power(photon: Photon, stub: Stub) -> None:
    vm = add_vm(stub)
    for verb, state in (
        ("vm start", "STARTED"),
        ("vm suspend", "SUSPENDED"),
        ("vm resume", "STARTED"),
        ("vm restart", "STARTED"),
        ("vm stop", "STOPPED"),
    ):
        assert done(photon, f"{verb} web-1").startswith("VM web-1 is ")
        assert vm["state"] == state
    assert "STOPPED" in done(photon, "vm list")
    assert "10.0.0.3" in done(photon, "vm show web-1")
    assert "START_VM" in done(photon, "vm tasks web-1")
    done(photon, "vm delete web-1")


def test_vm_details(photon: Photon, stub: Stub) -> None:
    vm = add_vm(stub)
    disk = stub.add("disks", {"name": "data", "flavor": "fast", "capacityGb": 3})
    done(photon, "vm attach-disk web-1 data")
    assert asked(stub)["diskId"] == disk["id"]
    done(photon, "vm detach-disk web-1 data")
    done(photon, "vm create-image web-1 golden")
    assert only(stub, "images", "golden")
    done(photon, "vm set-metadata web-1 a=1 b=2")
    assert vm["metadata"] == {"a": "1", "b": "2"}
    done(photon, "vm add-tag web-1 blue")
    done(photon, "vm set-tag web-1 green")
    assert vm["tags"] == ["blue", "green"]
    assert "10.0.1.5" in done(photon, "vm networks web-1")
    why = done(photon, "vm explain web-1")
    leaf = why.splitlines()[-1].split()
    assert leaf[:2] == ["host-3", HOST_ADDRESS], "the leaf's choice is named by its address too"
    assert "On host 10.0.0.3" in why
    assert "10.0.0.9 was chosen before" in why
    assert "spread 0.400, image 0.100" in why
    assert "902" in done(photon, "vm mks-ticket web-1")
    assert done(photon, "vm console web-1 --log") == "login: "


def test_disk(photon: Photon, stub: Stub) -> None:
    vm = add_vm(stub)
    done(photon, "disk create data --flavor fast --capacity 10 --near web-1 --tag x")
    assert asked(stub)["affinities"] == [{"id": vm["id"], "kind": "vm"}]
    assert "DETACHED" in done(photon, "disk list")
    assert "fast" in done(photon, "disk show data")
    assert "CREATE_DISK" in done(photon, "disk tasks data")
    done(photon, "disk delete data")


def test_host(photon: Photon, stub: Stub) -> None:
    zone = stub.add("zones", {"name": "rack-1"})
    done(
        photon,
        "host create 10.0.0.9 --username root --password x --zone rack-1 --metadata A=b "
        "--agent 10.0.0.8:8836 --provision",
    )
    created = json.loads(
        next(one.body for one in stub.asked if one.path.endswith("/hosts") and one.body)
    )
    assert (created["availabilityZone"], created["usageTags"]) == (zone["id"], ["CLOUD"])
    assert created["metadata"] == {"A": "b", "AGENT_ENDPOINT": "10.0.0.8:8836"}
    assert last_path(stub).endswith("/provision")
    for verb in (
        "host provision",
        "host suspend",
        "host enter-maintenance",
        "host exit-maintenance",
        "host resume",
    ):
        done(photon, f"{verb} 10.0.0.9")
        assert last_path(stub).endswith(verb.replace("host ", "/"))
    add_vm(stub)
    assert "web-1" in done(photon, "host list-vms 10.0.0.9")
    done(photon, "host set-zone 10.0.0.9 rack-1")
    assert last_path(stub).endswith("/set_availability_zone")
    done(photon, "host set-availability-zone 10.0.0.9 rack-1")
    assert "10.0.0.9" in done(photon, "host list")
    shown = done(photon, "host show 10.0.0.9")
    assert "password:         (in -o json)" in shown
    done(photon, "host tasks 10.0.0.9")
    assert "10.0.0.9" in done(photon, "infrastructure list-hosts")
    done(photon, "host delete 10.0.0.9")


def test_subnet(photon: Photon, stub: Stub) -> None:
    done(photon, "subnet create lan --default --port-groups", "VM Network, pg-2")
    assert only(stub, "subnets", "lan")["portGroups"] == {"names": ["VM Network", "pg-2"]}
    assert last_path(stub).endswith("/set_default")
    assert "VM Network" in done(photon, "subnet list")
    done(photon, "subnet show lan")
    done(photon, "subnet set-default lan")
    done(photon, "subnet set-portgroups lan pg-3")
    assert asked(stub) == {"names": ["pg-3"]}
    done(photon, "subnet update lan --name office")
    done(photon, "subnet delete office")


def test_zone(photon: Photon) -> None:
    done(photon, "zone create rack-1")
    assert "rack-1" in done(photon, "zone list")
    done(photon, "zone show rack-1")
    done(photon, "zone tasks rack-1")
    assert done(photon, "zone delete rack-1") == "Zone rack-1 is deleted.\n"


def test_datastore(photon: Photon, stub: Stub) -> None:
    stub.add("datastores", {"id": "ds-1", "name": "local"})
    assert "LOCAL_VMFS" in done(photon, "datastore list --tag LOCAL_VMFS")
    assert "ds-1" in done(photon, "datastore show local")


def test_system(photon: Photon) -> None:
    assert done(photon, "system status").startswith("The system is READY.")
    assert done(photon, "system topology").splitlines()[1].startswith("  leaf-1  25%  3 hosts")
    assert "READY" in done(photon, "system info")
    assert "numberVMs" in done(photon, "system usage")
    done(photon, "system properties")
    done(photon, "system list-vms")
    assert "there is no such VM" in done(photon, "system orphans")
    assert "No violations found" in done(photon, "audit")
    done(photon, "system pause")
    done(photon, "system pause-background-tasks")
    done(photon, "system resume")
    done(photon, "system set-security-groups", r"corp\ops")
    done(photon, "infrastructure update-image-datastores ds-1 ds-2")
    done(photon, "infrastructure sync-hosts-config")


def test_task(photon: Photon, stub: Stub) -> None:
    begun = done(photon, "vm start web-1 --no-wait -o id") if add_vm(stub) else ""
    task_id = begun.strip()
    assert "START_VM" in done(photon, f"task show {task_id}")
    assert "COMPLETED" in done(photon, f"task monitor {task_id}")
    assert task_id in done(photon, "task list --state COMPLETED --limit 1000")


def test_target(photon: Photon, target: str) -> None:
    assert target in done(photon, "target show")
    assert "PHYSICAL" in done(photon, "target info")
    done(photon, f"target set {target}")
    assert "enabled" in done(photon, "auth show")


@pytest.mark.parametrize("shell", ["zsh", "fish", "bash"])
def test_completion(photon: Photon, shell: str) -> None:
    assert "_PHOTON_COMPLETE" in done(photon, f"completion {shell}")


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("config check", 2, "data_dir: 1 is no text"),
        ("controller --config", 2, "data_dir: 1 is no text"),
    ],
)
def test_controller_and_its_settings(tmp_path: Path, line: str, code: int, says: str) -> None:
    """The controller is a program of its own, which takes this one's place."""
    file = tmp_path / "controller.toml"
    file.write_text("data_dir = 1")
    command = [sys.executable, "-m", "photon.cli", *line.split(), str(file)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == code
    assert says in ran.stderr


def test_the_storekeeper_is_a_program_of_its_own_too() -> None:
    command = [sys.executable, "-m", "photon.cli", "store", "check"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "--store" in ran.stderr


def test_the_planner_is_a_program_of_its_own_too() -> None:
    command = [sys.executable, "-m", "photon.cli", "plan", "--hosts", "nowhere.yaml"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "--workload" in ran.stderr


def commands() -> Iterator[str]:
    context = click.Context(root)
    for noun in root.list_commands(context):
        group = root.get_command(context, noun)
        if isinstance(group, click.Group):
            yield from (f"{noun} {verb}" for verb in group.commands)
        else:
            yield noun


def test_every_command_is_typed_above() -> None:
    typed = Path(__file__).read_text().partition("def commands()")[0]
    assert [name for name in commands() if f'"{name}' not in typed] == []


def test_every_command_has_help_with_what_it_is_for() -> None:
    context = click.Context(root, **root.context_settings)
    for name in commands():
        noun, _, verb = name.partition(" ")
        command = root.get_command(context, noun)
        if verb:
            assert isinstance(command, click.Group)
            command = command.commands[verb]
        assert command is not None
        assert command.help, f"{name} has no help"
        assert command.get_help(click.Context(command, info_name=name, parent=context))
