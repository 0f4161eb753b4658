"""The workload: prepares a cloud, works on it with several clients, and judges what is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Final

from photon.outside.clock import Clock
from photon.workload.broken import Broken, Promise
from photon.workload.caller import Caller, Desk
from photon.workload.client import Client
from photon.workload.history import History
from photon.workload.ledger import Ledger
from photon.workload.menu import MENU, Operation
from photon.workload.model import Model
from photon.workload.operations import catalogue, hosts, images, tenancy
from photon.workload.site import HostOffer, Load, Site
from photon.workload.verdict import judge_all, resolve
from photon.workload.watcher import Watcher
from photon.workload.way import Way

HOSTS_AT_ONCE: Final = 16  # Registered at once: as an operator's script would.
FLAVORS_A_KIND: Final = 3
IMAGES: Final = 3
ZONES: Final = 2
PREPARE_TRIES_MAX: Final = 50  # Names are drawn, and some are drawn twice.

OnStep = Callable[[int, str], None]  # how many steps were begun, and what this one is


class Workload:
    """`prepare`, `run`, and when the cloud is quiet, `verify`. Each raises Broken.

    `chance` gives each client a stream of its own, so that what one of them draws does not depend
    on how quickly another is answered.
    """

    def __init__(
        self,
        ways: Sequence[Way],
        site: Site,
        chance: Callable[[str], Random],
        clock: Clock,
        load: Load | None = None,
    ) -> None:
        self.load = load or Load()
        self.history = History(clock)
        self.desk = Desk(clock, self.history, Ledger())
        self.model = Model(alone=site.alone)
        self.site = site
        self.menu: Mapping[str, tuple[int, Operation]] = MENU
        self.steps = 0
        self._stopping = False
        self._ways = ways
        self._clients = [
            self._client(f"client-{number}", chance, ways)
            for number in range(1, self.load.clients + 1)
        ]
        self._watchers = [
            Watcher(self._client(f"watcher-{number}", chance, ways))
            for number in range(1, self.load.watchers + 1)
        ]
        self._operator = self._client("operator", chance, ways)
        # One that asks each way by itself, at the end.
        self._judges = [
            self._client(f"judge-{number}", chance, [way])
            for number, way in enumerate(ways, start=1)
        ]

    def _client(self, name: str, chance: Callable[[str], Random], ways: Sequence[Way]) -> Client:
        return Client(Caller(name, ways, chance(name), self.desk), self.model, self.site)

    async def prepare(self) -> None:
        """What every VM needs: hosts, flavors, images, a subnet, tenants, projects."""
        operator, model, site = self._operator, self.model, self.site
        for _ in range(ZONES):
            await catalogue.create_zone(operator)
        turns = asyncio.Semaphore(HOSTS_AT_ONCE)
        await asyncio.gather(*(self._add(o, turns) for o in site.hosts[: site.hosts_at_start]))
        for kind in ("vm", "ephemeral-disk", "persistent-disk"):
            for _ in range(FLAVORS_A_KIND):
                await catalogue.create_flavor(operator, kind)
        for group in site.port_groups:
            await catalogue.create_subnet(operator, group)
        for _ in range(IMAGES if site.uploads else 0):
            await images.upload_image(operator)
        for _ in range(PREPARE_TRIES_MAX):
            if sum(tenant.life.is_usable for tenant in model.tenants) < self.load.tenants:
                await tenancy.create_tenant(operator)
            elif sum(project.life.is_usable for project in model.projects) < self.load.projects:
                await tenancy.create_project(operator)
            else:
                return
        raise Broken(Promise.REFUSED_FOR_A_REASON, "the cloud could not be prepared")

    async def _add(self, offer: HostOffer, turns: asyncio.Semaphore) -> None:
        async with turns:
            host = await hosts.add_host(self._operator, offer)
            if host is not None:
                await hosts.change_host(self._operator, host, "provision")

    async def run(self, steps: int, on_step: OnStep = lambda number, what: None) -> None:
        """So many operations, of all clients together; each draws its next when it is ready."""
        first = self.steps
        names = list(self.menu)
        weights = [weight for weight, _ in self.menu.values()]

        async def work(client: Client) -> None:
            while self.steps < first + steps and not self._stopping:
                self.steps += 1
                [name] = client.random.choices(names, weights)
                self.history.say(client.caller.name, f"step {self.steps}: {name}")
                on_step(self.steps, name)
                await self.menu[name][1](client)
                await self.desk.clock.sleep(client.random.random() * self.load.pause_seconds)

        try:
            async with asyncio.TaskGroup() as watching:
                watchers = [watching.create_task(watcher.run()) for watcher in self._watchers]
                async with asyncio.TaskGroup() as group:
                    for client in self._clients:
                        group.create_task(work(client))
                for each in watchers:
                    each.cancel()
        except BaseExceptionGroup as several:
            raise _first(several) from None

    def stop(self) -> None:
        """No further operation is begun; `run` returns when those under way have ended."""
        self._stopping = True

    async def settle(self) -> None:
        """When nothing fails any more: what is in doubt is asked again, until nothing is."""
        await resolve(self._operator)

    async def verify(self) -> None:
        """When nothing is under way any more: everything is as it was promised."""
        await self.settle()
        try:
            async with asyncio.TaskGroup() as group:
                for watcher in self._watchers:
                    group.create_task(watcher.settle())
        except BaseExceptionGroup as several:
            raise _first(several) from None
        for judge in self._judges:
            await judge_all(judge)


def _first(several: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong first; the other clients were cancelled because of it."""
    first = several.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
