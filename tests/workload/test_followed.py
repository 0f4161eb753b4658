"""The judge of streams: what it lets pass, and what it does not."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon.workload.broken import Broken, Promise
from photon.workload.facts import Life
from photon.workload.followed import Events, Followed, Subject, Told
from photon.workload.things import Shelf, Zone

ZONES = Subject("/v1/zones", "zone", Shelf[Any]("zone"))
TASKS = Subject("/v1/tasks", "task")


def followed(subject: Subject = ZONES, position: str = "7", **items: str) -> Followed:
    shown = {id: {"id": id, "name": name} for id, name in items.items()}
    return Followed(subject, position, begun=1, items=shown)


def changed(position: str, id: str, name: str = "", **more: Any) -> Told:
    item = {"id": id, "name": name, "selfLink": "http://one", **more}
    return Told("changed", position, int(position.partition(".")[0]), id, item)


def gone(kind: str, position: str, id: str) -> Told:
    return Told(kind, position, int(position.partition(".")[0]), id)


def shown(**items: str) -> list[dict[str, Any]]:
    return [{"id": id, "name": name, "selfLink": "http://two"} for id, name in items.items()]


def broken_by(of: Followed, *told: Told) -> Promise:
    *before, last = told
    for each in before:
        of.hear(each)
    with pytest.raises(Broken) as broken:
        of.hear(last)
    return Promise(broken.value.promise)


def test_a_list_and_its_events_are_what_a_list_shows_later() -> None:
    of = followed(a="1", b="1", c="1")
    of.hear(changed("8.1", "a", "2"))
    of.hear(gone("deleted", "8", "b"))
    of.hear(Told("", "12"))
    of.hear(gone("left", "13", "c"))
    assert of.reached(13)
    assert not of.reached(14)
    assert of.differs(shown(a="2")) is None


def test_what_was_not_told_is_missed() -> None:
    of = followed(a="1")
    for listed in (shown(a="2"), shown(), shown(a="1", b="1")):
        differs = of.differs(listed)
        assert differs is not None
        assert differs.promise == Promise.WATCH_MISSES_NOTHING


def test_what_came_and_went_must_have_been_told() -> None:
    shelf = Shelf[Any]("zone")
    zone = Zone(name="z", life=Life(asked=5, made=6, gone=9), id="z")
    shelf.ask(zone)
    of = followed(Subject("/v1/zones", "zone", shelf))
    assert of.differs([]) is not None
    of.hear(gone("deleted", "9", "z"))
    assert of.differs([]) is None


@pytest.mark.parametrize(
    ("first", "second"), [("9", "9"), ("9", "8"), ("9", "9.2"), ("9.2", "9.1")]
)
def test_what_is_told_again_or_too_late_is_noticed(first: str, second: str) -> None:
    of = followed()
    assert broken_by(of, changed(first, "a"), changed(second, "b")) == Promise.WATCH_TELLS_ONCE


def test_a_stream_goes_on_where_it_was_asked_to() -> None:
    of = followed(position="9.1")
    of.begins(Told("started", "9.1", 8))
    for other in ("9", "8", "9.2"):
        with pytest.raises(Broken):
            of.begins(Told("started", other, 9))
    with pytest.raises(Broken):
        of.begins(changed("10", "a"))


def test_a_sign_of_life_may_come_again_and_moves_on() -> None:
    of = followed()
    of.hear(Told("", "7"))
    of.hear(Told("", "9"))
    of.hear(Told("", ""))
    assert of.position == "9"
    assert broken_by(of, Told("", "8")) == Promise.WATCH_TELLS_ONCE


def test_a_task_never_goes_back() -> None:
    of = followed(TASKS)
    entity = {"id": "vm"}
    of.hear(changed("8", "t", state="COMPLETED", entity=entity))
    back = changed("9", "t", state="STARTED", entity=entity)
    assert broken_by(of, back) == Promise.READS_SEE_WRITES


def test_a_filtered_stream_tells_of_nothing_else() -> None:
    of = followed(Subject("/v1/tasks?state=ERROR", "task", state="ERROR"))
    assert broken_by(of, changed("8", "t", state="QUEUED")) == Promise.LISTS_ARE_WHOLE


STREAM = [
    b"retry: 1000\nevent: started\nid: 7\n" + b'data: {"revision":7,"id":null,"item":null}\n\n',
    b": still here\nid: 8\n\n",
    b"event: changed\nid: 9.1\ndata: "
    + json.dumps({"revision": 9, "id": "a", "item": {"id": "a", "name": "ä: x"}}).encode()
    + b"\n\n",
    b"event: deleted\nid: 9\n" + b'data: {"revision":9,"id":"b","item":null}\n\n',
    b": this controller stops; go on from the last id, here or at another controller\n\n",
]
PARTS = [
    Told("started", "7", 7),
    Told("", "8"),
    Told("changed", "9.1", 9, "a", {"id": "a", "name": "ä: x"}),
    Told("deleted", "9", 9, "b"),
    Told("", ""),
]


@given(st.lists(st.integers(0, sum(map(len, STREAM)))))
def test_pieces_may_be_cut_anywhere(cuts: list[int]) -> None:
    whole, events = b"".join(STREAM), Events()
    ends = sorted({0, *cuts, len(whole)})
    pieces = [whole[start:end] for start, end in pairwise(ends)]
    assert [told for piece in pieces for told in events.take(piece)] == PARTS


@pytest.mark.parametrize(
    "block",
    [
        b"event: changed\nid: 9\n" + b'data: {"revision":9,"id":"a","item":null}\n\n',
        b"event: changed\nid: 9\n" + b'data: {"revision":9,"id":"a","item":{"id":"b"}}\n\n',
        b"event: deleted\nid: 9\n\n",
        b"event: unheard of\nid: 9\n" + b'data: {"revision":9,"id":"a","item":null}\n\n',
    ],
)
def test_what_no_stream_may_say_is_noticed(block: bytes) -> None:
    with pytest.raises(Broken, match="ANSWER_IS_WELL_FORMED"):
        list(Events().take(block))
