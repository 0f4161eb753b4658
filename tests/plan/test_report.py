"""The report: says what was found out, to people on a terminal, in one page, and to programs."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import msgspec
import pytest

from photon.plan.amounts import shown_mib, shown_span
from photon.plan.report.content import Section
from photon.plan.report.page import page
from photon.plan.report.sections import sections
from photon.plan.report.svg import round_steps
from photon.plan.report.terminal import plain, print_report
from photon.plan.result import Mode, NotMade, Result
from tests.plan.builders import a_drill, a_fit, a_result, a_set

HOSTILE = "</title><script>alert(1)</script>\x1b[2J"
VOID = {"meta", "br"}


class Reader(HTMLParser):
    """What a browser would make of it: every element closed, and what they refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.refers: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == [], "something is not closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.refers += [value or "" for name, value in attrs if name in ("href", "src", "data")]
        assert not [name for name, _ in attrs if name.startswith("on")], "a script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def told(result: Result) -> str:
    return "\n".join(plain(section) for section in sections(result))


def test_the_page_needs_no_network_and_no_script() -> None:
    text = page("Plan", sections(a_result()))
    read = Reader(text)
    assert set(read.tags).isdisjoint({"script", "link", "img", "iframe", "object", "embed", "form"})
    assert read.refers
    assert all(refers.startswith("#") for refers in read.refers)
    assert not re.findall(r"https?://|@import|url\(", text)
    assert "default-src 'none'" in text


def test_the_page_is_light_or_dark_as_its_reader_is() -> None:
    text = page("Plan", sections(a_result()))
    assert "prefers-color-scheme:dark" in text
    drawn = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(drawn) > 8
    assert not [each for each in drawn if re.search(r"#[0-9a-f]{3,6}|rgb\(|style=", each)]


def test_every_plot_is_drawn_well_and_tells_itself() -> None:
    for drawn in re.findall(r"<svg.*?</svg>", page("Plan", sections(a_result())), flags=re.DOTALL):
        tree = ElementTree.fromstring(drawn)
        assert tree.get("aria-label")
        _, _, width, height = map(float, (tree.get("viewBox") or "").split())
        for part in tree.iter("rect"):
            x, y = float(part.get("x") or 0), float(part.get("y") or 0)
            assert 0 <= x <= x + float(part.get("width") or 0) <= width + 0.2
            assert 0 <= y <= y + float(part.get("height") or 0) <= height + 0.2
        assert not any(part in drawn for part in ("nan", "inf"))


def test_what_a_file_calls_things_is_text_in_the_page() -> None:
    hostile = a_result(
        standing=(a_set(HOSTILE, refusal=HOSTILE),),
        fits=(a_fit(HOSTILE),),
        drills=(a_drill("rack", HOSTILE, refusals=(NotMade(HOSTILE, 1, HOSTILE),)),),
    )
    text = page(HOSTILE, sections(hostile))
    assert "script" not in Reader(text).tags
    assert "&lt;script&gt;" in text


def test_in_short_it_says_what_matters() -> None:
    text = told(a_result())
    assert "16 hosts in 2 zones and 4 racks offer 8,192 virtual CPUs and 2 TB of memory" in text
    assert (
        "On empty hosts, 240 VMs of small fit; then all hosts have too little memory left." in text
    )
    assert "Of 66 VMs that are to run, 1 find no room." in text
    assert "If the rack w1 dies, 7 VMs of 17 that are lost find no room elsewhere" in text
    assert "Whichever zone dies, all VMs that are lost find room elsewhere" in text
    assert "In 1h, 118 VMs arrived, and 8 found no room." in text
    assert "An audit at the end found every invariant of the cloud kept." in text


def test_what_differs_or_is_wrong_or_unknown_is_said() -> None:
    result = a_result(
        fits=(a_fit("odd", made=9, scheduler_said=10), a_fit("many", made=5, stopped_early=True)),
        findings=("ONE_HOST of x: it is on two",),
        drills=(a_drill("rack", "e1", all_missing=None, back_after=None, replaced_after=None),),
    )
    text = told(result)
    assert "The two differ for odd." in text
    assert "On empty hosts, at least 5 (the scheduler foretells 240) VMs of many fit" in text
    assert "found 1 thing wrong" in text
    assert "The audit found: ONE_HOST of x: it is on two" in text
    assert re.search(r"e1 .* 11\.2s to - .* - +-", text) or "11.2s to -" in text


def test_nothing_asked_is_nothing_told() -> None:
    bare = a_result(
        fits=(), standing=(), survivals=(), drills=(), timeline=None, balance=None, loads=()
    )
    titles = [section.title for section in sections(bare)]
    assert titles == ["In short", "Hosts", "How this was found out"]
    Reader(page("Plan", sections(bare)))


def test_a_table_in_a_pipe_is_whole_and_in_columns() -> None:
    lines = plain(sections(a_result())[1]).splitlines()
    at = lines.index("ZONE  HOSTS  RACKS  VIRTUAL CPUS  MEMORY  DATASTORES")
    assert lines[at + 1] == "east      8      2         4,096    1 TB        8 TB"
    written = io.StringIO()
    print_report([Section("A", ["b"])], written)
    assert written.getvalue() == "A\n=\n\nb\n\n"


def test_programs_read_what_people_read() -> None:
    result = a_result()
    encoded = msgspec.json.encode(result)
    assert msgspec.json.decode(encoded, type=Result) == result
    assert {"seed", "fits", "drills", "timeline", "format"} <= msgspec.json.decode(encoded).keys()
    assert msgspec.json.decode(encoded)["fits"][0]["schedulerSaid"] == 240


@pytest.mark.parametrize(
    ("most", "whole", "steps"),
    [
        (0, True, [0, 1]),
        (1, True, [0, 1]),
        (3, True, [0, 1, 2, 3]),
        (17, True, [0, 5, 10, 15, 20]),
        (448, True, [0, 200, 400, 600]),
        (1.0, False, [0, 0.25, 0.5, 0.75, 1.0]),
    ],
)
def test_a_scale_has_round_steps(most: float, whole: bool, steps: list[float]) -> None:
    assert round_steps(most, whole=whole) == steps


def test_the_page_has_every_figure_that_programs_read() -> None:
    """Of fits, sets, losses and drills; samples and loads are drawn, and not told as text."""
    result = a_result()
    text = page("Plan", sections(result))
    for fit in result.fits:
        for figure in (fit.made, fit.scheduler_said):
            assert re.search(rf"<td class=n>(≈ )?{figure:,}</td>", text)
    for each in result.standing:
        for figure in (each.asked, each.made, each.started, each.refused, each.failed, each.ended):
            assert f"<td class=n>{figure:,}</td>" in text
    for survival in result.survivals:
        for figure in (survival.lacking, survival.vms_most, survival.no_room_most):
            assert f"<td class=n>{figure:,}</td>" in text
    for drill in result.drills:
        spans = (
            drill.all_missing, drill.replaced_after, drill.back_after, drill.settled_after,
            drill.probes.first_after, drill.probes.steady_after,
        )  # fmt: skip
        assert all(f"<td>{shown_span(span)}</td>" in text for span in spans if span is not None)
        assert f"<td class=n>{drill.stopped:,}</td>" in text
        assert f"{drill.probes.failed:,} of {drill.probes.asked:,}" in text


def test_which_mode_it_was_is_the_first_that_is_said() -> None:
    assert sections(a_result())[0].sentences[0].startswith("Played: ")
    placed = a_result(mode=Mode.PLACED, drills=(), timeline=None)
    assert sections(placed)[0].sentences[0].startswith("Placement only: ")
    assert "The product itself ran" not in told(placed)


def test_the_time_to_recover_is_a_table_and_a_plot() -> None:
    [recovery] = [each for each in sections(a_result()) if each.title == "Time to recover"]
    assert len(recovery.tables[0].rows) == len(a_result().drills)
    assert "until VMs are made as usual" in recovery.plots[0].svg
    text = told(a_result())
    assert "If the store dies, no VM stops, and VMs are made as usual after 38s at most." in text
    assert "Survives the loss of any rack: all VMs find room on what is left." in text
    assert "Does not survive the loss of any 2 racks: in 2 cases of 5 VMs find no room" in text


def test_large_amounts_are_written_out() -> None:
    amounts = [1.5, 1536, 999 << 20, 1250 << 20, 10_000 << 20]
    assert [shown_mib(each) for each in amounts] == [
        "1.5 MB",
        "1.5 GB",
        "999 TB",
        "1,250 TB",
        "10,000 TB",
    ]
