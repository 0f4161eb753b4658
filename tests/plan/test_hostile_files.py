"""Whatever stands in a plan's files: they are read, or sentences say why not; never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from photon.plan.hosts_file import read_hosts
from photon.plan.problems import PlanWrong
from photon.plan.workload_file import read_workload
from tests.house.tree import ROOT

EXAMPLES = ROOT / "examples" / "plan"
HOSTS = (EXAMPLES / "small-hosts.yaml").read_text()
WORKLOAD = (EXAMPLES / "small-workload.yaml").read_text()
NASTY = some.sampled_from(
    ["", "-", "[", "{", "&a", "*a", "!!x", "? ", ": ", "\t", "\0", "~", "0", "-1", "1e999", "9" * 9,
     "256GB", "10m", "null", "name: x", "- - -", "\u2028", "'", '"', "|", ">", "%", "---", "<<: "]
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plan")


def read(folder: Path, hosts: str, workload: str) -> None:
    (folder / "hosts.yaml").write_text(hosts)
    (folder / "workload.yaml").write_text(workload)
    paragraphs = ["it is fine"]
    try:
        read_workload(folder / "workload.yaml", read_hosts(folder / "hosts.yaml"))
    except PlanWrong as wrong:
        paragraphs = wrong.paragraphs()
    assert paragraphs
    assert all(line.isprintable() for line in paragraphs), paragraphs


@given(chance=some.data())
@settings(max_examples=150, deadline=None)
def test_a_part_that_is_something_else_ends_in_a_sentence(
    folder: Path, chance: some.DataObject
) -> None:
    hosts_changed = chance.draw(some.booleans())
    text = HOSTS if hosts_changed else WORKLOAD
    begin = chance.draw(some.integers(0, len(text)))
    end = chance.draw(some.integers(begin, min(len(text), begin + 30)))
    changed = text[:begin] + chance.draw(NASTY) + text[end:]
    read(folder, changed if hosts_changed else HOSTS, WORKLOAD if hosts_changed else changed)


@given(text=some.text(max_size=300))
@settings(max_examples=60, deadline=None)
def test_any_text_ends_in_a_sentence(folder: Path, text: str) -> None:
    read(folder, text.encode("utf-8", "replace").decode(), WORKLOAD)
