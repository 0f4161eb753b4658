"""What leaves have promised of hosts, and whether each promise ends that nobody redeems.

A hold that its host does not report stands on a lease alone. As long as a task works on the VM or
disk, the lease may be renewed; from then on it lasts no longer than a lease does.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import Final

from photon.scheduler.policy import Policy
from photon.scheduler.treetop import TreeTop
from photon.simulation.invariants import Invariant
from photon.workload.broken import Broken

# The auditor looks now and then, and a controller's clock may be slower than the true one.
SLACK_SECONDS: Final = 45.0

_Hold = tuple[str, str, str]  # in which leaf, of which host, for what


class Promises:
    """`look` at each controller's tree now and then; what it sees twice has grown older."""

    def __init__(self, policy: Policy | None = None) -> None:
        policy = policy or Policy()
        self._seconds_max = max(policy.lease_seconds, policy.grace_seconds) + SLACK_SECONDS
        # By owner: when each was first seen, or a task last stood for it.
        self._since: dict[str, dict[_Hold, float]] = {}

    def look(self, owner: str, top: TreeTop, worked_on: Container[str], now: float) -> None:
        """`owner` is a controller in one of its lives; `worked_on` are the entities of open tasks.

        Raises:
            Broken: nobody stands for a hold, and it is older than any lease.
        """
        known = self._since.get(owner, {})
        self._since[owner] = seen = {}
        for leaf_id in top.leaf_ids():
            for hold in _unreported(top, leaf_id):
                id, host_id = hold[2], hold[1]
                since = now if id in worked_on else known.get(hold, now)
                seen[hold] = since
                if now - since > self._seconds_max:
                    text = (
                        f"{id} is held on host {host_id}, which does not report it, "
                        f"{now - since:.0f} s after a task last worked on it"
                    )
                    raise Broken(Invariant.PROMISES_END, text, id, host_id)


def _unreported(top: TreeTop, leaf_id: str) -> Iterator[_Hold]:
    leaf = top.leaf(leaf_id)
    assert leaf is not None, "it is this controller's"
    for host in leaf.ledger.hosts.values():
        for held in host.held.values():
            if not held.reported:
                yield leaf_id, host.id, held.id
