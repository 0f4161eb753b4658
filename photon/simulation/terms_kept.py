"""What controllers owe to each other and to hosts by the clock: offices, leases, silent hosts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from photon.coordination.terms import LEASE_SECONDS
from photon.reconcilers.chairman import CHAIRMAN
from photon.reconcilers.sweeps import HOUSEKEEPER
from photon.simulation.invariants import Invariant, at_once
from photon.simulation.world import World
from photon.store.nouns import HOSTS, MEMBERS, MISSING_HOSTS
from photon.store.protocol import Change
from photon.workload.broken import Broken

# Observers' clocks run unevenly, by some hundredths; and a renewal is seen when it is read.
UNEVEN_SHARE: Final = 0.95
# Five beats, of which each may wait ten seconds for an agent that says nothing; and the writing.
SILENT_SECONDS_MAX: Final = 75.0
ONE_AT_MOST: Final = 1


class TermsKept:
    """Judges a world in which the store tells who lives: an ensemble's sessions are ended as it
    pleases the nemesis, and whoever had one may believe a moment longer that it has it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._renewed: dict[str, float] = {}  # by member, when its row was last written
        self._silent_since: dict[str, float] = {}  # by agent
        self.only_hosts_fail = False

    def hear(self, changes: Sequence[Change]) -> None:
        """Nobody is taken off the list before its lease is over. Raises Broken."""
        if self._world.ensemble is not None:
            return
        now = self._world.loop.time()
        for change in changes:
            if change.noun != MEMBERS.name:
                continue
            renewed = self._renewed.pop(change.id, None)
            if change.generation:
                self._renewed[change.id] = now
            elif renewed is not None and not self._left(change.id):
                self._check_burial(change.id, now - renewed)

    def _check_burial(self, member_id: str, seconds: float) -> None:
        if seconds < UNEVEN_SHARE * LEASE_SECONDS:
            text = f"{member_id} is taken off the list {seconds:.3f} s after its last renewal"
            raise Broken(Invariant.SILENT_BEFORE_BURIED, text, member_id)

    def _left(self, member_id: str) -> bool:
        return any(member_id in controller.left for controller in self._world.controllers)

    def look(self) -> None:
        """Raises Broken."""
        if self._world.ensemble is None:
            for office in (CHAIRMAN, HOUSEKEEPER):
                self._check_office(office)
        if self.only_hosts_fail:
            self._check_silence()

    def _check_office(self, office: str) -> None:
        who = [
            controller.name
            for controller in self._world.controllers
            if controller.program is not None and controller.program.leads(office)
        ]
        if len(who) > ONE_AT_MOST:
            text = f"{' and '.join(who)} may act as {office} at the same time"
            raise Broken(Invariant.OFFICE_HAS_ONE, text, *who)

    def _check_silence(self) -> None:
        world, now = self._world, self._world.loop.time()
        for agent in world.agents.values():
            if agent.alive:
                self._silent_since.pop(agent.name, None)
                continue
            since = self._silent_since.setdefault(agent.name, now)
            if now - since > SILENT_SECONDS_MAX:
                for address in agent.addresses:
                    self._check_missing(address, now - since)

    def _check_missing(self, address: str, seconds: float) -> None:
        store = self._world.store
        for host in at_once(store.page(HOSTS, {"address": address}, limit=ONE_AT_MOST)).items:
            if not host.provisioned or host.task_id is not None:
                continue
            if at_once(store.find(MISSING_HOSTS, host.id)) is None:
                text = f"host {address} has been silent for {seconds:.0f} s, and is not MISSING"
                raise Broken(Invariant.SILENT_IS_MISSING, text, host.id)
