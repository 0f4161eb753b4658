"""How a new VM is to lie to others, and what would become of it, from the command line."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Photon
from tests.cli.test_commands import asked, done, last_path
from tests.sdk.stub import Stub

ASKED = "--flavor small --image ubuntu --boot-disk core-disk"


def test_vm_create_with_rules(photon: Photon, stub: Stub) -> None:
    stub.add("images", {"name": "ubuntu", "replicationType": "EAGER"})
    done(
        photon,
        f"vm create web-1 {ASKED} --no-wait --strategy pack --group web --prefer host:10.0.0.3 "
        "--apart-from web:host=1:zone=2 --apart-from tag=blue:soft --together-with db",
    )
    created = asked(stub)
    assert created["affinities"] == [{"id": "10.0.0.3", "kind": "host", "soft": True}]
    placement = created["placement"]
    assert (placement["strategy"], placement["groups"]) == ("PACK", ["web"])
    rules = [{k: v for k, v in rule.items() if v is not None} for rule in placement["rules"]]
    assert rules == [
        {"affinity": "APART", "group": "web", "hard": True, "hostMax": 1, "zoneMax": 2},
        {"affinity": "APART", "tag": "blue", "hard": False},
        {"affinity": "TOGETHER", "group": "db", "hard": True},
    ]


@pytest.mark.parametrize(
    "rule",
    [
        "--apart-from web:host",
        "--apart-from web:host=0",
        "--apart-from web:rack=2",
        "--apart-from :soft",
        "--apart-from tag=",
        "--together-with db:host=2",
    ],
)
def test_a_rule_that_is_misread_is_explained(photon: Photon, stub: Stub, rule: str) -> None:
    stub.add("images", {"name": "ubuntu", "replicationType": "EAGER"})
    ran = photon(*f"vm create web-1 {ASKED} {rule}".split())
    assert ran.code == 2
    assert "is no rule; write [tag=]NAME" in ran.err


def test_a_dry_run_tells_what_would_happen_and_whether(photon: Photon, stub: Stub) -> None:
    stub.add("images", {"name": "ubuntu", "replicationType": "EAGER"})
    ran = photon(*f"vm create web-1 {ASKED} --dry-run".split())
    assert (ran.code, ran.out) == (
        1,
        "It would fail with NotEnoughMemoryResource: 5 hosts asked\n",
    )
    assert last_path(stub).startswith("POST projects/")
    ran = photon(*f"vm create web-1 {ASKED} --dry-run -o json".split())
    assert ran.json["refusal"]["nearest"]["host"] == "10.0.0.3"
