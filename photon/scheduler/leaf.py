"""The leaf of the scheduler tree: its children are hosts, and it alone holds room on them.

No host is asked in order to place: the leaf believes what hosts reported, and adds what it has
promised since. A host has the last word; its refusal corrects the belief (`refused`).
"""

from __future__ import annotations

import msgspec

from photon.domain.demand import Demand, DiskPlacement, Level, NoPlacement, Placement
from photon.domain.fits import Fits
from photon.domain.guest import HostReport, Inventory
from photon.domain.host import HostState, UsageTag
from photon.domain.placement import HostView
from photon.domain.topology import is_shared
from photon.outside.clock import Clock
from photon.scheduler.ask import Ask
from photon.scheduler.audit import audit
from photon.scheduler.books import NEVER_HEARD, Held, HostBook
from photon.scheduler.choice import Choice, Chooser, why_not
from photon.scheduler.datastores import Datastores
from photon.scheduler.fits import fits
from photon.scheduler.groups import Groups
from photon.scheduler.holds import Holds
from photon.scheduler.ledger import Ledger
from photon.scheduler.policy import Policy
from photon.scheduler.refusals import Refusals
from photon.scheduler.reports import take_report
from photon.scheduler.summary import Summary
from photon.scheduler.telling import LeafTelling


class Leaf:
    """Up to some hundreds of hosts. Not for threads: all calls come from one event loop, and none
    of them waits, so each is done when it returns."""

    def __init__(
        self,
        clock: Clock,
        policy: Policy | None = None,
        datastores: Datastores | None = None,
        groups: Groups | None = None,
    ) -> None:
        """`datastores` and `groups`: of all leaves whose hosts may have the same ones."""
        self._clock = clock
        self._policy = policy or Policy()
        self._ledger = Ledger(self._policy, datastores or Datastores(), groups or Groups())
        self._holds = Holds(self._ledger, self._policy)
        self._refusals = Refusals(self._ledger, self._policy)
        self._chooser = Chooser(self._policy, self._ledger.neighbours)
        self._telling = LeafTelling()

    # --- a node of the tree ----------------------------------------------------------------------

    async def place(self, demand: Demand) -> Placement | NoPlacement:
        now = self._now()
        held = self._ledger.where.get(demand.id)
        if held is not None:
            again = self._again(held, demand, now)
            if again is not None:
                return again
        ask = self._chooser.ask(self._ledger.table(), demand)
        excluded_rows = self._excluded_rows(demand)
        choice = self._chooser.best(ask, excluded_rows)
        if choice is None:
            return why_not(ask, excluded_rows)
        placement = _placement(ask, choice)
        if not demand.dry_run:
            self._holds.reserve(demand, placement, now)
        return placement

    async def fits(self, demand: Demand) -> Fits:
        self._now()
        alone = msgspec.structs.replace(demand, rules=())
        return fits(self._chooser.ask(self._ledger.table(), alone))

    async def hold(self, demand: Demand, placement: Placement) -> None:
        self._holds.reserve(demand, placement, self._now())

    async def confirm(self, demand: Demand, placement: Placement) -> None:
        self._holds.confirm(demand, placement, self._now())
        host = self._ledger.host(placement.host_id)
        if demand.image_checksum and demand.image_checksum not in host.images:
            self._ledger.images(host, host.images | {demand.image_checksum})

    async def release(self, demand_id: str, host_id: str) -> None:
        self._now()
        held = self._holds.find(demand_id, host_id)
        if held is not None:
            self._holds.release(held)

    async def refused(self, placement: Placement, reason: str) -> None:
        now = self._now()
        held = self._holds.find(placement.demand_id, placement.host_id)
        if held is None:
            return
        self._holds.disclaim(held)
        if held.demand is not None and held.host.view is not None:
            self._refusals.learn(held, held.demand, reason, now)

    def summary(self) -> Summary:
        """The latest; made anew when something changed, and at most once in `summary_seconds`."""
        now, ledger = self._now(), self._ledger
        if self._telling.is_due(ledger.generation, now, self._policy.summary_seconds):
            table = ledger.table()
            return self._telling.renew(table, ledger.generation, now)
        return self._telling.latest()

    def owns(self, host_id: str) -> bool:
        """True too for a host that only a journal knows."""
        return host_id in self._ledger.hosts

    def is_empty(self) -> bool:
        """Nothing would be missed if it were taken out of its tree."""
        return not self._ledger.hosts

    def held(self, host_id: str) -> dict[str, Held]:
        """By VM or disk, what is held of one host now. For audits: look, and do not touch."""
        self._now()
        host = self._ledger.hosts.get(host_id)
        return {} if host is None else host.held

    def audit(self) -> list[str]:
        """What is wrong with the books; nothing, or there is a bug."""
        self._now()
        return audit([self._ledger])

    @property
    def ledger(self) -> Ledger:
        """For audits of several leaves: look, and do not touch."""
        self._now()
        return self._ledger

    def regroup(self, vm_id: str, host_id: str) -> None:
        """What was told of the VM's groups is otherwise than before."""
        self._now()
        held = self._holds.find(vm_id, host_id)
        if held is not None:
            self._ledger.regroup(held, held.groups)

    # --- its hosts -------------------------------------------------------------------------------

    def put_host(self, view: HostView) -> None:
        """A new host, or all that is known of one anew. It takes nothing until its first inventory
        or full report: before that, nobody knows what it holds."""
        host = self._ledger.host(view.id)
        if host.view is not None and not (view.cpus and view.memory_mib):
            # Who writes of its state need not know what it has.
            view = msgspec.structs.replace(
                view,
                cpus=host.view.cpus,
                memory_mib=host.view.memory_mib,
                networks=host.view.networks,
            )
        self._ledger.view(host, view)

    def set_state(
        self,
        host_id: str,
        state: HostState,
        zone_id: str | None,
        usage_tags: frozenset[UsageTag],
    ) -> None:
        host = self._known(host_id)
        if host is not None and host.view is not None:
            self._ledger.view(
                host,
                msgspec.structs.replace(
                    host.view, state=state, zone_id=zone_id, usage_tags=usage_tags
                ),
            )

    def remove_host(self, host_id: str) -> None:
        host = self._ledger.hosts.get(host_id)
        if host is None:
            return
        self._refusals.forget(host)
        for held in list(host.held.values()):
            self._holds.release(held)
        if host_id in self._ledger.hosts:
            self._ledger.remove(host)

    def abandon(self) -> None:
        """Its tree has it no more. What it held, also of hosts that it knew by name alone, would
        stay taken of the datastores and in the groups that it shares with others."""
        for host_id in list(self._ledger.hosts):
            self.remove_host(host_id)

    def move_host(self, host_id: str, to: Leaf) -> None:
        """Gives the host to a leaf that shares this one's datastores and groups, with all that is
        believed of it: no hold is lost, and at no moment is it in neither or both."""
        now = self._now()
        host = self._ledger.hosts.get(host_id)
        if host is None:
            return
        self._refusals.forget(host)
        strays = to._holds.set_aside(host_id)  # what a journal held there under the name alone
        self._ledger.detach(host)
        to._ledger.attach(host)
        for held in host.held.values():
            self._holds.hand_over(held, to._holds, now)
        to._holds.put_back(strays, host)

    def promises(self, host_id: str) -> list[tuple[Demand, Placement]]:
        """What was placed on the host and is not known to exist yet."""
        now = self._now()
        host = self._ledger.hosts.get(host_id)
        found = []
        for held in [] if host is None else list(host.held.values()):
            placement = None if held.demand is None else self._again(held, held.demand, now)
            if held.demand is not None and placement is not None:
                found.append((held.demand, placement))
        return found

    def report(self, report: HostReport | Inventory) -> bool:
        """False when it was not used: of an unknown host, or older than what is known. Then ask for
        the host's inventory."""
        now = self._now()
        host = self._known(report.host_id)
        if host is None:
            return False
        if not take_report(self._ledger, self._holds, host, report):
            return False
        self._refusals.forget(host)
        for each in host.datastores_reported:
            if is_shared(each.type):
                self._ledger.datastores.hear(each, now)
        return True

    def missing(self, host_id: str) -> None:
        """Its agent does not answer: it takes nothing new, and holds what it held."""
        host = self._known(host_id)
        if host is not None:
            # It may come back reinstalled and count from the beginning.
            host.generation = NEVER_HEARD
        self._set_silent(host_id, silent=True)

    def back(self, host_id: str) -> None:
        """It answers again. Give its reports first: they say what became of its guests."""
        self._set_silent(host_id, silent=False)

    # --- inside ----------------------------------------------------------------------------------

    def _now(self) -> float:
        """Every call begins here, so that nothing is believed past its time."""
        now = self._clock.monotonic()
        self._holds.expire(now)
        self._refusals.expire(now)
        self._ledger.datastores.expire(now)
        return now

    def _known(self, host_id: str) -> HostBook | None:
        host = self._ledger.hosts.get(host_id)
        return host if host is not None and host.view is not None else None

    def _set_silent(self, host_id: str, *, silent: bool) -> None:
        host = self._known(host_id)
        if host is not None and host.silent is not silent:
            host.silent = silent
            self._ledger.readiness(host)

    def _again(self, held: Held, demand: Demand, now: float) -> Placement | None:
        """What is held already is answered again, but for a host that has refused it since."""
        view = held.host.view
        if held.host.id in demand.hosts_excluded and not held.reported:
            self._holds.release(held)
            return None
        if view is None:  # only its journal knows that host
            return None
        self._holds.renew(held, now)
        disks = tuple([DiskPlacement(disk.disk_id, disk.datastore.id) for disk in held.disks])
        return Placement(
            demand_id=demand.id,
            host_id=view.id,
            host_address=view.address,
            agent_endpoint=view.agent_endpoint,
            datastore_id=disks[0].datastore_id if disks else "",
            disks=disks,
            score=held.score,
            why=held.why,
        )

    def _excluded_rows(self, demand: Demand) -> list[int]:
        hosts = set(self._refusals.shunned(demand))
        if not hosts and not demand.hosts_excluded:
            return []
        for host_id in demand.hosts_excluded:  # any order, here and below: rows are masked out
            host = self._ledger.hosts.get(host_id)
            if host is not None:
                hosts.add(host)
        # any order
        return [host.row for host in hosts if host.view is not None]


def _placement(ask: Ask, choice: Choice) -> Placement:
    view = ask.table.hosts[choice.row].view
    assert view is not None, "only hosts with a view are in the table"
    return Placement(
        ask.demand.id,
        view.id,
        view.address,
        view.agent_endpoint,
        choice.datastore_id,
        choice.disks,
        choice.score,
        (Level(view.id, len(ask.table), ask.track.fitting, 1, choice.score, choice.parts),),
    )
