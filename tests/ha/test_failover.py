"""The real PostgreSQL, Patroni, ZooKeeper and haproxy: what was acknowledged outlives a primary.

All drills are `bin/devbox --ha drill`, which takes ten minutes; here is the one that matters most.
"""

from __future__ import annotations

import pytest

from photon.devbox.ha.drilling import Outcome, run
from photon.devbox.ha.drills import DRILLS
from tests.ha.conftest import Running

pytestmark = [pytest.mark.slow]

SURELY_MADE = 20  # Before the primary dies alone, more than so many VMs are acknowledged.


async def drilled(running: Running, name: str) -> Outcome:
    [outcome] = await run(
        running.cloud, running.seeded, [drill for drill in DRILLS if drill.name == name]
    )
    return outcome


async def test_a_primary_dies_and_everything_acknowledged_is_there(running: Running) -> None:
    """Calls wait or are answered 503, so that a client that tries again never notices."""
    before = running.cloud.primary()
    outcome = await drilled(running, "database")
    after = running.cloud.primary()
    assert after not in (None, before)
    assert outcome.wrong == []
    assert outcome.writes_failed == []
    assert outcome.made > SURELY_MADE
    roles = sorted(part.role for part in running.cloud.status() if part.name.startswith("postgres"))
    assert roles == ["primary", "replica", "replica"], "the old primary is back, and follows"


async def test_the_primary_moves_in_order_and_nobody_notices(running: Running) -> None:
    before = running.cloud.primary()
    outcome = await drilled(running, "switchover")
    assert running.cloud.primary() not in (None, before)
    assert (outcome.wrong, outcome.writes_failed) == ([], [])


def test_every_part_that_was_killed_comes_back(running: Running) -> None:
    """`up` is what a person tries first."""
    for name in ("zookeeper-1", "controller-1", "agent-simulated-1", "haproxy"):
        assert running.cloud.kill(name)
    running.cloud.freeze("controller-2")
    running.cloud.up(running.cloud.shape)
    running.cloud.wait_well()
    assert {part.state for part in running.cloud.status()} == {"runs"}
