"""photon audit: what is broken, as a table, as JSON and as an exit code."""

from __future__ import annotations

from tests.cli.conftest import Photon
from tests.sdk.stub import Stub
from tests.sdk.stub_entities import Json

FINDING: Json = {
    "invariant": "ONE_HOST",
    "id": "vm-1",
    "problem": "VM vm-1 has guests on 10.0.0.1 and 10.0.0.2",
    "advice": "see photon system orphans",
}


def test_a_system_that_is_well_has_no_violations(photon: Photon) -> None:
    ran = photon("audit")
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == [
        "No violations found; 2 of 3 hosts answered.",
        "What the other hosts hold was not judged: see photon host list.",
    ]


def test_each_finding_says_what_is_wrong_and_what_to_do(photon: Photon, stub: Stub) -> None:
    stub.audited |= {"findings": [FINDING], "unlisted": 7, "hostsSilent": 0, "quotasUnsettled": 2}
    ran = photon("audit")
    assert ran.code == 1
    titles, row, *rest = ran.out.splitlines()
    assert titles.split("  ")[0] == "INVARIANT"
    assert [cell.strip() for cell in row.split("  ") if cell] == [*FINDING.values()]
    assert rest == [
        "8 violations found, of which 1 are listed; 3 of 3 hosts answered.",
        "2 quotas changed at every look, and were not judged.",
    ]
    assert photon("audit", "-o", "id").out == "vm-1\n"


def test_programs_get_what_the_api_answered(photon: Photon, stub: Stub) -> None:
    assert photon("audit", "-o", "json").json == stub.audited
    stub.audited["findings"] = [FINDING]
    ran = photon("audit", "-o", "json")
    assert (ran.code, ran.json["findings"]) == (1, [FINDING])


def test_who_does_not_wait_is_told_of_the_task(photon: Photon) -> None:
    ran = photon("audit", "--no-wait")
    assert ran.code == 0
    assert "photon task monitor" in ran.out
