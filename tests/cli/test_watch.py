"""`list --watch`: what is there, then each change."""

from __future__ import annotations

import json

from tests.cli.conftest import Photon
from tests.cli.test_commands import add_vm, done
from tests.sdk.stub import Stub
from tests.sdk.test_watching import told


def test_each_change_is_a_line(photon: Photon, stub: Stub) -> None:
    vm = add_vm(stub)
    started = {**vm, "state": "STARTED"}
    stream = told("started", 5) + told("changed", 6, started) + told("deleted", 7, None)
    stub.streams = [stream]
    lines = done(photon, "vm list --watch --limit 3").splitlines()
    assert [line.split()[0] for line in lines] == ["EVENT", "listed", "changed", "deleted"]
    assert "STARTED" in lines[2]
    assert lines[3].split()[1] == "t-1"


def test_json_is_one_object_a_line(photon: Photon, stub: Stub) -> None:
    vm = add_vm(stub)
    stub.streams = [told("started", 5) + told("changed", 6, dict(vm))]
    lines = done(photon, "-o json vm list --watch --limit 2").splitlines()
    said = [json.loads(line) for line in lines]
    assert [one["event"] for one in said] == ["listed", "changed"]
    assert said[1]["item"]["name"] == "web-1"


def test_only_those_of_one_name_are_shown(photon: Photon, stub: Stub) -> None:
    mine, other = add_vm(stub), add_vm(stub, "web-2")
    stub.streams = [told("started", 5) + told("changed", 6, dict(other)) + told("deleted", 7, None)]
    lines = done(photon, "-o id vm list --name web-1 --watch --limit 2").splitlines()
    assert lines == [mine["id"], "t-1"]


def test_tasks_hosts_and_others_are_watched_the_same_way(photon: Photon, stub: Stub) -> None:
    for noun in ("task", "host", "disk", "image", "tenant", "project"):
        stub.streams = [told("started", 5) + told("deleted", 7, None) * 9]
        out = done(photon, f"-o json {noun} list --watch --limit 2")
        assert len(out.splitlines()) == 2, noun
