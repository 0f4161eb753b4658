"""What goes wrong is one paragraph and an exit code; what was asked for is found by its name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Photon
from tests.cli.test_commands import add_vm
from tests.sdk.stub import Stub

ROOT = Path(__file__).resolve().parents[2]


def test_a_failed_task_says_step_reason_and_what_to_do(photon: Photon, stub: Stub) -> None:
    stub.failing["CREATE_VM"] = ("RESERVE_RESOURCE", "NotEnoughCpuResource", "no host fits")
    stub.add("images", {"name": "ubuntu", "replicationType": "EAGER"})
    ran = photon(
        *["vm", "create", "x", "--flavor", "huge", "--image", "ubuntu", "--boot-disk", "core"]
    )
    assert ran.code == 1
    assert ran.out == ""
    assert "failed at step RESERVE_RESOURCE: no host fits." in ran.err
    assert "`photon host list`" in ran.err
    assert "[NotEnoughCpuResource]" in ran.err
    assert ran.err.count("\n") == 1


def test_a_refusal_says_the_apis_sentence(photon: Photon, stub: Stub) -> None:
    stub.refusing["POST tenants"] = (400, "NameTaken", "Tenant name 'eng' is taken already")
    ran = photon("tenant", "create", "eng")
    assert (ran.code, ran.err) == (
        1,
        "photon: the API refused: Tenant name 'eng' is taken already. [NameTaken]\n",
    )


def test_what_is_not_there_has_its_own_code(photon: Photon) -> None:
    by_name = photon("vm", "show", "nosuch")
    assert by_name.code == 3
    assert "no vm named 'nosuch'" in by_name.err
    by_id = photon("vm", "show", "ffffffff-0000-4000-8000-000000000000")
    assert by_id.code == 3
    assert "VmNotFound" in by_id.err


def test_what_is_deleted_while_in_use_is_said_to_wait(photon: Photon, stub: Stub) -> None:
    zone = stub.add("zones", {"name": "rack-1"})
    stub.keeping.add("zones")
    assert "rack-1 is PENDING_DELETE: it goes when" in photon("zone", "delete", "rack-1").out
    assert zone["state"] == "PENDING_DELETE"


def test_an_ambiguous_name_lists_the_ids_to_choose_from(photon: Photon, stub: Stub) -> None:
    ids = [add_vm(stub)["id"], add_vm(stub)["id"]]
    ran = photon("vm", "start", "web-1")
    assert ran.code == 2
    assert all(id in ran.err for id in ids)


def test_nobody_there_has_its_own_code(bare: Photon) -> None:
    ran = bare("--target", "127.0.0.1:1", "target", "set", "127.0.0.1:1")
    assert (ran.code, "does not answer now" in ran.err) == (0, True)
    assert bare("tenant", "list", "--target", "http://127.0.0.1:1").code == 4


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("vm list", "There is no target yet"),
        ("vm lst", "Did you mean 'list'?"),
        ("vms list", "Did you mean 'vm'?"),
        ("tenant list --target ftp://x", "no address of an API"),
        ("tenant list --target http://[x", "no address of an API"),
        ("tenant list --target x:99999", "no address of an API"),
        ("--target h tenant create", "Missing argument 'NAME'"),
        ("--target h project list", "Which tenant?"),
        ("--target h vm list", "Which project?"),
        ("--target h flavor create f --kind vm", "needs --cpu and --memory"),
        ("--target h flavor create f --kind vm --cost vm.memory=2", "needs a unit of size"),
        ("--target h flavor create f --kind vm --cost lots", "'lots' is not KEY AMOUNT UNIT"),
        ("--target h flavor create f --kind vm --memory 4", "'4' is no size"),
        ("--target h flavor create f --kind vm --cpu 1 --cost vm.cpu=1", "also given by --cpu"),
        ("--target h vm create v -f f -i i", "exactly one boot disk, and here are 0"),
        ("--target h vm create v -f f -i i -d a", "'a' is no disk"),
        ("--target h task list --entity x", "given together"),
        ("--target h quota set", "Give --limits or --percent"),
        ("--target h host create a --username u --password p --metadata x", "not KEY=VALUE"),
    ],
)
def test_wrong_usage_says_how_it_is_right(bare: Photon, line: str, said: str) -> None:
    ran = bare(*line.split())
    assert ran.code == 2
    assert said in ran.err


def test_no_wait_answers_the_task_at_once(photon: Photon, stub: Stub) -> None:
    add_vm(stub)
    ran = photon("vm", "stop", "web-1", "--no-wait")
    assert "photon task monitor " in ran.out
    assert photon("vm", "start", "web-1", "--no-wait", "-o", "json").json["state"] == "QUEUED"


def test_a_task_outlives_impatience(photon: Photon, stub: Stub) -> None:
    add_vm(stub)
    stub.polls_to_end = 1000
    ran = photon("vm", "stop", "web-1", "--timeout", "0")
    assert ran.code == 1
    assert "it goes on" in ran.err
    assert "photon task monitor" in ran.err


def test_json_is_the_apis_own(photon: Photon, stub: Stub) -> None:
    vm = add_vm(stub)
    assert photon("vm", "show", "web-1", "-o", "json").json == vm
    listed = photon("-o", "json", "vm", "list").json
    assert listed == {"items": [vm], "nextPageLink": None, "previousPageLink": None}
    assert photon("vm", "list", "-o", "id").out == f"{vm['id']}\n"
    assert photon("vm", "start", "web-1", "-o", "id").out == f"{vm['id']}\n"
    assert photon("quota", "show", "-o", "json").json == {"quotaItems": {}}
    for line in ("target info", "auth show", "system status", "system usage"):
        assert photon(*line.split(), "-o", "json").json


def test_what_is_piped_is_plain_and_whole(photon: Photon, stub: Stub) -> None:
    for number in range(3):
        add_vm(stub, f"a-name-that-is-as-long-as-names-may-be-and-then-somewhat-{number}")
    out = photon("vm", "list").out
    assert "\x1b" not in out
    assert all(one["id"] in out and one["name"] in out for one in stub.entities["vms"].values())


def test_what_is_shown_of_one_thing_has_its_lists_and_maps(photon: Photon, stub: Stub) -> None:
    photon("quota", "set", "--limits", "vm.cpu 10 COUNT")
    project = next(iter(stub.entities["projects"].values()))
    assert photon("project", "show", "web").out == (
        f"id:             {project['id']}\n"
        "name:           web\n"
        "tags:           -\n"
        "securityGroups: -\n"
        "quota:\n"
        "  quotaItems:\n"
        "    vm.cpu: 0 of 10 COUNT\n"
        f"tenantId:       {project['tenantId']}\n"
        "placement:\n"
        "  strategy: SPREAD\n"
    )
    vm = add_vm(stub)
    shown = photon("vm", "show", vm["id"]).out
    assert "cost:           vm.cpu 1 COUNT\n" in shown or "  - vm.cpu 1 COUNT\n" in shown
    assert "  - id: disk-of-boot, name: boot," in shown


def test_what_a_server_names_a_thing_moves_no_cursor(photon: Photon, stub: Stub) -> None:
    add_vm(stub, "evil\x1b[2Jname")
    assert "\x1b" not in photon("vm", "list").out
    assert "\x1b" not in photon("vm", "show", next(iter(stub.entities["vms"]))).out


def test_options_beat_the_environment_which_beats_the_memory(
    photon: Photon, stub: Stub, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = next(iter(stub.entities["tenants"]))
    for name in ("env", "option"):
        stub.add("projects", {"name": name, "parent": tenant})
    assert "web" in photon("project", "get").out
    monkeypatch.setenv("PHOTON_PROJECT", "env")
    assert "env" in photon("project", "get").out
    assert "option" in photon("--project", "option", "project", "get").out
    assert "option" in photon("project", "get", "--project", "option").out


def test_another_target_forgets_tenant_and_project(photon: Photon) -> None:
    photon("target", "set", "http://127.0.0.1:1")
    shown = photon("target", "show", "-o", "json").json
    assert shown == {"target": "http://127.0.0.1:1", "tenant": None, "project": None}


def test_a_memory_that_is_not_toml_is_said_to_be(photon: Photon, tmp_path: Path) -> None:
    (tmp_path / "photon" / "config.toml").write_text("target = ")
    ran = photon("tenant", "list")
    assert ran.code == 1
    assert "cannot be read" in ran.err


def test_a_fault_of_ours_is_a_paragraph_too(photon: Photon, stub: Stub) -> None:
    stub.faults = [(200, {})]
    ran = photon("tenant", "list")
    assert (ran.code, "really a Photon Controller" in ran.err) == (4, True)
    assert "Traceback" not in ran.err


def test_debugging_shows_where_it_happened(photon: Photon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHOTON_DEBUG", "1")
    assert "Traceback" in photon("vm", "show", "ffffffff-0000-4000-8000-000000000000").err


def run_program(*arguments: str, typed: bytes = b"", **settings: str) -> bytes:
    program = [sys.executable, "-m", "photon.cli", *arguments]
    done = subprocess.run(
        program,
        input=typed,
        cwd=ROOT,
        env={**os.environ, **settings},
        capture_output=True,
        timeout=60,
        check=True,
    )
    return done.stdout


def test_a_console_takes_what_is_piped_into_it(photon: Photon, stub: Stub, target: str) -> None:
    vm = add_vm(stub)
    said = run_program(*("vm", "console", vm["id"], "--target", target), typed=b"root\nbye\n")
    assert said == b"login: you said root\nbye\n"


def test_names_complete_in_the_shell(photon: Photon, stub: Stub) -> None:
    for name in ("web-1", "web-2", "db-1"):
        add_vm(stub, name)
    said = run_program(
        _PHOTON_COMPLETE="bash_complete", COMP_WORDS="photon vm start we", COMP_CWORD="3"
    )
    assert said == b"plain,web-1\nplain,web-2\n"


def test_help_loads_neither_the_client_nor_what_draws() -> None:
    program = (
        "import sys, photon.cli.main as m; m.run(['--help']); "
        "print({'httpx2', 'rich', 'msgspec', 'asyncio', 'websockets'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("set()\n")


def test_a_name_that_cannot_be_is_wrong_usage(photon: Photon) -> None:
    ran = photon("tenant", "create", "b@d")
    assert ran.code == 2
    assert "'b@d' is no name here" in ran.err
    assert "fault of this program" not in ran.err
