"""What a key is answered again is what was said first, and no step back."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from photon.workload.broken import Broken
from photon.workload.caller import Caller, Desk, Reply
from photon.workload.client import Client
from photon.workload.facts import Life, Span
from photon.workload.history import History
from photon.workload.ledger import Ledger
from photon.workload.model import Model
from photon.workload.site import Site
from photon.workload.things import Zone
from tests.workload.rig import HastyClock


def a_task(state: str) -> dict[str, Any]:
    entity = {"kind": "zone", "id": "z"}
    ended = 2 if state == "COMPLETED" else None
    made = {"id": "t", "operation": "CREATE_ZONE", "queuedTime": 1, "endTime": ended}
    return {**made, "state": state, "entity": entity, "steps": []}


def test_an_answer_that_was_asked_for_again_may_be_older_than_what_a_stream_told() -> None:
    """Seed 18: a watcher heard of the task's end before its client had any answer."""
    clock = HastyClock()
    desk = Desk(clock, History(clock), Ledger())
    client = Client(Caller("client", [None], Random(1), desk), Model(), Site(()))  # type: ignore[list-item] # nothing is asked
    history = desk.history
    zone = Zone(name="zone", life=Life(asked=history.tick()))
    client.model.zones.ask(zone)
    told = Span(history.tick(), history.tick())
    desk.ledger.saw_task(a_task("COMPLETED"), told)
    again = Reply(201, a_task("QUEUED"), Span(history.tick(), history.tick()))
    client.created(client.model.zones, zone, again, "key")
    assert zone.id == "z"
    with pytest.raises(Broken, match="READS_SEE_WRITES"):
        client.caller.task_in(again)
