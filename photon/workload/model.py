"""What the API promised: a plain reference of everything that clients were told.

Its judgements are exact where the answers leave no doubt. Where requests overlap, or an answer was
lost, several things may be so, and only what none of them allows is a broken promise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from photon.domain.system import System
from photon.workload.broken import Broken, Promise
from photon.workload.caller import Reply
from photon.workload.facts import Cell, Span
from photon.workload.things import (
    Cost,
    Disk,
    Flavor,
    Host,
    Image,
    Project,
    Shelf,
    Subnet,
    Tenant,
    Thing,
    Vm,
    Zone,
)

UNLIMITED: Final = math.inf
HAIR: Final = 1e-6  # Amounts are whole: what is less comes from adding them up.


class Model:
    """`alone`: nobody but these clients makes anything in the cloud."""

    def __init__(self, *, alone: bool = True) -> None:
        others = not alone
        self.tenants = Shelf[Tenant]("tenant", strangers=others)
        self.projects = Shelf[Project]("project")  # These are listed by tenant, VMs by project.
        self.flavors = Shelf[Flavor]("flavor", strangers=others)
        self.images = Shelf[Image]("image", strangers=others)
        self.subnets = Shelf[Subnet]("subnet", strangers=others)
        self.zones = Shelf[Zone]("zone", strangers=others)
        self.hosts = Shelf[Host]("host", strangers=others)
        self.vms = Shelf[Vm]("VM")
        self.disks = Shelf[Disk]("disk")
        # The deployment's own row. Where others work too, they may have changed it before.
        self.alone = alone
        self.default_subnet = Cell[str]("")  # its id
        self.quorum = Cell[int](System().quorum)

    def shelves(self) -> tuple[Shelf[Any], ...]:
        """Those that others stand on come first."""
        return (
            self.tenants,
            self.projects,
            self.flavors,
            self.images,
            self.subnets,
            self.zones,
            self.hosts,
            self.vms,
            self.disks,
        )

    def charged(self, project: Project) -> Iterator[Vm | Disk]:
        yield from (vm for vm in self.vms if vm.project is project)
        yield from (disk for disk in self.disks if disk.project is project)

    def usage(self, project: Project, span: Span, *, but: Thing | None = None) -> Usage:
        """What was in use at each moment of the span, at least and at most."""
        usage = Usage({}, {})
        for thing in self.charged(project):
            if thing is not but and thing.life.maybe(span):
                usage.add(thing.cost, surely=thing.life.surely(span))
        return usage

    def room(self, project: Project, cost: Cost, span: Span) -> tuple[float, float] | None:
        """How often the cost has room in a project's limits, at least and at most: infinity, where
        there is no limit. None: they changed too often to say."""
        usage = self.usage(project, span)
        least = most = UNLIMITED
        for key, amount in cost.items():
            limits = _limits(project, key, span)
            if limits is None:
                return None
            if amount > 0:
                low = min(limits) - usage.most.get(key, 0.0)
                high = max(limits) - usage.least.get(key, 0.0)
                least, most = min(least, _times(low, amount)), min(most, _times(high, amount))
        return least, most

    def judge_charge(self, project: Project, thing: Vm | Disk, reply: Reply) -> None:
        """Raises Broken: it was charged where there was no room, or refused where there was."""
        usage = self.usage(project, reply.span, but=thing)
        may_fit, may_not = True, False
        for key, amount in thing.cost.items():
            limits = _limits(project, key, reply.span)
            if limits is None:
                return
            may_fit &= any(fits(usage.least.get(key, 0.0) + amount, limit) for limit in limits)
            may_not |= any(not fits(usage.most.get(key, 0.0) + amount, limit) for limit in limits)
        if reply.code == "QuotaError" and not may_not:
            text = (
                f"{thing.cost} was refused: {reply.body['message']}; at most {usage.most} is used"
            )
            raise Broken(Promise.REFUSED_FOR_A_REASON, text, project.id)
        if reply.ok and not may_fit:
            text = f"{thing.cost} was charged beyond the limits; at least {usage.least} is used"
            raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, project.id, thing.id)

    def given(
        self, tenant: Tenant, key: str, span: Span, *, but: Project | None = None
    ) -> tuple[float, float]:
        """What a tenant's projects may use of a key, in sum: at least and at most."""
        least = most = 0.0
        for project in self.projects:
            if project.tenant is not tenant or project is but or not project.life.maybe(span):
                continue
            limits = _limits(project, key, span)
            if limits is None:
                most = UNLIMITED  # It changed too often to say.
                continue
            amounts = [0.0 if limit == UNLIMITED else limit for limit in limits]
            most += max(amounts)
            least += min(amounts) if project.life.surely(span) else 0.0
        return least, most

    def judge_given(self, project: Project, asked: Mapping[str, float], reply: Reply) -> None:
        """Limits for a project were taken, or refused for lack of room, as its tenant's allow.

        Raises Broken.
        """
        tenant, span = project.tenant, reply.span
        may, may_not = True, False
        for key, limit in asked.items():
            least, most = self.given(tenant, key, span, but=project)
            limits = _limits(tenant, key, span)
            if limits is None:
                return
            # What a tenant has no limit for, its projects cannot be limited in.
            may &= any(fits(least + limit, has) for has in limits if has != UNLIMITED)
            may_not |= any(has == UNLIMITED or not fits(most + limit, has) for has in limits)
        if reply.ok and not may:
            text = f"project {project.id} was given {dict(asked)}, which its tenant has not"
            raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, project.id, tenant.id)
        usage = self.usage(project, span)
        may_not |= any(not fits(usage.most.get(key, 0.0), limit) for key, limit in asked.items())
        if reply.code == "QuotaError" and not may_not:
            text = f"{dict(asked)} was refused: {reply.body['message']}; the tenant has room"
            raise Broken(Promise.REFUSED_FOR_A_REASON, text, project.id, tenant.id)
        over = [k for k, limit in asked.items() if not fits(usage.least.get(k, 0.0), limit)]
        if reply.ok and over:
            text = f"project {project.id} was limited to less than it uses of {over}: {dict(asked)}"
            raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, project.id)

    def users(self, thing: Flavor | Image | Subnet) -> Iterator[Vm | Disk]:
        """Whatever was made of it, or asked to be."""
        yield from (vm for vm in self.vms if thing in (*vm.flavors, vm.image, *vm.subnets))
        yield from (disk for disk in self.disks if disk.flavor is thing)

    def on_default(self, thing: Flavor | Image | Subnet) -> Iterator[Vm]:
        """VMs that may be on a subnet, since it may have been the default."""
        if isinstance(thing, Subnet):
            yield from (vm for vm in self.vms if vm.on_default)

    def judge_leaving(self, noun: str, thing: Flavor | Image | Subnet, reply: Reply) -> None:
        """A look at something whose end is acknowledged: it stays while it has a user.

        Raises Broken.
        """
        span, life = reply.span, thing.life
        if not reply.status or life.closed > span.begin:
            return
        users = list(self.users(thing))
        maybe = (*users, *self.on_default(thing))
        if reply.ok and not any(user.life.maybe(span) for user in maybe):
            text = f"{noun} {thing.id} ({thing.name}) was deleted, has no user, and is found"
            raise Broken(Promise.DELETED_STAYS_AWAY, text, thing.id)
        having = [user.id for user in users if user.life.surely(span)]
        if reply.status == 404 and having:
            text = f"{noun} {thing.id} ({thing.name}) is not found, and {having} have it"
            raise Broken(Promise.ACKNOWLEDGED_EXISTS, text, thing.id, *having)


class Usage:
    """By key: what is used at least, and at most."""

    def __init__(self, least: dict[str, float], most: dict[str, float]) -> None:
        self.least = least
        self.most = most

    def add(self, cost: Cost, *, surely: bool) -> None:
        for key, amount in cost.items():
            self.most[key] = self.most.get(key, 0.0) + amount
            if surely:
                self.least[key] = self.least.get(key, 0.0) + amount


def _times(room: float, amount: float) -> float:
    return room if room == UNLIMITED else float(max(0, (room + HAIR) // amount))


def fits(usage: float, limit: float) -> bool:
    return usage <= limit + HAIR


def _limits(owner: Project | Tenant, key: str, span: Span) -> frozenset[float] | None:
    cell = owner.limits.get(key)
    return frozenset({UNLIMITED}) if cell is None else cell.during(span)


def judge_there(noun: str, thing: Thing, reply: Reply) -> bool:
    """Whether an answer found the thing that its path names. Raises Broken."""
    if reply.status == 404 and thing.life.surely(reply.span):
        text = f"{noun} {thing.id} ({thing.name}) was acknowledged, and is not found"
        raise Broken(Promise.ACKNOWLEDGED_EXISTS, text, thing.id)
    if reply.ok and not thing.life.maybe(reply.span):
        text = f"{noun} {thing.id} ({thing.name}) was deleted, and is found"
        raise Broken(Promise.DELETED_STAYS_AWAY, text, thing.id)
    return reply.ok


def unexpected(reply: Reply, what: str, *ids: str) -> Broken:
    """A refusal that nothing explains."""
    text = f"{what} was refused: {reply.status} {reply.body}"
    return Broken(Promise.REFUSED_FOR_A_REASON, text, *ids)
