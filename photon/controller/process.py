"""One controller: everything that it is made of, put together and started in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Final

import falcon.asgi

from photon.agent_client.client import AgentClient
from photon.api.direct import DirectEdge
from photon.api.edge import make_app
from photon.api.plane import Plane
from photon.api.routes import ROUTES
from photon.api.waiting import TaskWaiting
from photon.controller.config import ControllerConfig
from photon.controller.doors import Doors
from photon.controller.outside import Outside
from photon.controller.parts import Parts
from photon.controller.system_row import SystemRow
from photon.controller.tree_part import Ground, TreePart
from photon.coordination.protocol import CONTROLLER
from photon.domain.member import Member
from photon.reconcilers.adoption import OVERLOOKED_SECONDS, Adoption
from photon.reconcilers.chairman import CHAIRMAN
from photon.reconcilers.duty import Duty, DutyDriver
from photon.reconcilers.group_watch import GROUPS_SECONDS
from photon.reconcilers.guest_watch import SECOND_LOOK_SECONDS, GuestWatch
from photon.reconcilers.host_watch import HostWatch
from photon.reconcilers.housekeeping import House, Housekeeping
from photon.reconcilers.incumbency import Incumbency
from photon.reconcilers.leaf_moves import Alone
from photon.reconcilers.sweeps import HOUSEKEEPER
from photon.sagas.catalogue import SAGAS
from photon.sagas.cloud import Cloud
from photon.tasks.execute import BoundSaga
from photon.tasks.runner import TaskRunner

SETTLE_SECONDS: Final = 5.0  # Agents that are up report in milliseconds; dead ones are not awaited.
DRAIN_SECONDS: Final = 10.0  # What takes longer is taken up again by the next start.
OFFICES: Final = (HOUSEKEEPER,)  # What one controller at a time does, of all there are.

log = logging.getLogger(__name__)


class StoppedWhileStarting(Exception):
    """What it waited for may never come to one that is thought dead: it must begin anew."""

    def __init__(self) -> None:
        super().__init__(
            "This controller was taken for dead while it started. Start it again; if that goes on, "
            "look at the coordination service and at this machine's clock and load."
        )


class ControllerProcess:
    """`start` serves nothing yet. When it has returned, the application may be made and served, and
    `direct`, the short way to it."""

    def __init__(self, config: ControllerConfig, outside: Outside) -> None:
        self._config = config
        self._outside = outside
        self._clock = outside.clock
        self._ids = outside.ids
        self._images = outside.images
        self._abandon: Callable[[], None] = lambda: None  # nothing runs yet
        self._doors: Doors | None = None
        self.leaving = False  # it still serves, and is about to stop
        self.stopping = asyncio.Event()

    @property
    def id(self) -> str:
        """The member that it is; when it has started."""
        return self._me.id

    @property
    def tree(self) -> TreePart:
        """Its part of the scheduler tree, for an audit; when it has started."""
        return self._tree

    async def start(self) -> None:
        """Raises StoppedWhileStarting: others take it for dead before it has served anything."""
        starting = asyncio.ensure_future(self._start())
        stopping = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            if not starting.done():
                starting.cancel()
        if not starting.done():
            raise StoppedWhileStarting
        starting.result()

    def make_app(self) -> falcon.asgi.App[Any, Any]:
        """What serves all that `direct` does not take; once."""
        return make_app(self._api, ROUTES)

    async def _start(self) -> None:
        config = self._config
        self._store = await self._outside.open_store()
        self._store.when_lost(self._lost)
        await self._images.open()
        self._system = SystemRow(self._store, self._clock)
        await self._system.load()
        await self._join()
        self._agents = AgentClient(self._outside.agents, self._clock)
        self._tree = TreePart(self._ground(), self._me)
        warrant = self._tree.keeper.warrant
        self._guests = GuestWatch(self._store, self._agents, self._clock, warrant=warrant)
        self._hosts = HostWatch(
            self._store, self._agents, self._tree.top, self._clock, self._guests
        )
        await self._tree.start(self._hosts)
        await self._tree.keeper.settle(seconds=SETTLE_SECONDS)
        cloud = Cloud(
            store=self._store,
            agents=self._agents,
            scheduler=self._tree.root,
            clock=self._clock,
            images=self._images,
            image_url=self._image_url,
            welcome=self._tree.welcome,
            regard=self._hosts.regard,
            fetch=self._outside.fetch,
            overcommit=config.overcommit,
            living=self._living,
        )
        self._runner = TaskRunner(
            self._store,
            self._clock,
            {saga.operation: BoundSaga(saga, cloud, self._outside.witness) for saga in SAGAS},
            self._me.id,
            config.limits,
        )
        self._abandon = self._runner.abandon
        self._adoption = Adoption(self._store, self._clock, self._coordination, self._runner)
        self._adoption.start()
        await self._adoption.look()
        house = House(self._agents, self._images, self._clock, self._image_url, self._hosts.silent)
        leadership = self._offices[HOUSEKEEPER]
        incumbency = Incumbency(self._store, leadership, self._me.id)
        self._housekeeping = Housekeeping(house, incumbency)
        self._duties = DutyDriver(self._clock, self._system.background_rests, self.leads)
        self._duties.start(self._all_duties())
        self._api = self._plane()
        self.direct = DirectEdge(self._api, ROUTES)

    async def _join(self) -> None:
        """Nothing is waited for: an embedded store has one process, so all others are dead."""
        config = self._config
        self._me = Member(
            id=self._ids.new(),
            name=config.name,
            component=CONTROLLER,
            address=config.advertise,
            node_endpoint=await self._open_doors(),
            started_ms=self._clock.now_ms(),
        )
        self._coordination = self._outside.open_coordination(self._store, self._lost)
        await self._coordination.join(self._me)
        self._offices = {name: self._coordination.campaign(name) for name in OFFICES}

    def _ground(self) -> Ground:
        return Ground(
            store=self._store,
            coordination=self._coordination,
            clock=self._clock,
            random=self._outside.random,
            ways=self._doors or Alone(),
            shape=self._config.shape,
            policy=self._config.policy,
        )

    async def _open_doors(self) -> str:
        """Where others ask this controller's leaves; "" where there can be no others."""
        if self._outside.nodes is None:
            return ""
        self._doors = Doors(self._outside.nodes, self._clock, self._ids)
        return await self._doors.open(*self._config.nodes)

    def _lost(self) -> None:
        """It can do nothing more that counts: others take over what this controller has."""
        self._abandon()
        self.stopping.set()

    async def _living(self) -> frozenset[str]:
        return frozenset(member.id for member in self._coordination.members())

    def leads(self, office: str) -> bool:
        """Whether this controller may act upon the office now; when it has started."""
        if office == CHAIRMAN:
            return self._tree.may_preside
        return self._offices[office].fence() is not None

    def _image_url(self, image_id: str) -> str:
        """Where agents fetch an image."""
        return f"{self._config.advertise}/v1/images/{image_id}/content"

    def _all_duties(self) -> list[Duty]:
        return [
            Duty("adoption", OVERLOOKED_SECONDS, self._adoption.look, background=False),
            Duty("second-look", SECOND_LOOK_SECONDS, self._guests.look_again, background=False),
            Duty("groups", GROUPS_SECONDS, self._tree.groups.once, background=False),
            *self._housekeeping.duties,
        ]

    def _plane(self) -> Plane:
        self._waiting = TaskWaiting(self._store)
        plane = Plane(
            store=self._store,
            runner=self._runner,
            clock=self._clock,
            ids=self._ids,
            images=self._images,
            ends=self._waiting,
            release=self._outside.release,
            system=self._system.get,
            scheduler=self._tree.root,
            instances=Parts(
                self._store,
                self._config.store,
                self._coordination,
                (CHAIRMAN, *OFFICES),
                self._outside.release.base_version,
            ).instances,
            leaving=lambda: self.leaving,
            topology=self._tree.picture,
        )
        self._watches = plane.watches
        return plane

    def answer_waiting(self) -> None:
        """Answers whoever waits or watches, since nothing more will be served."""
        self._waiting.close()
        self._watches.close()

    async def stop(self) -> None:
        """Ends what runs within DRAIN_SECONDS; the rest goes on after the next start.

        What cannot be done, because the store is away or others took this controller for dead,
        keeps nothing after it from being let go.
        """
        await self._through(self._tree.retire())
        await self._through(self._adoption.close())
        await self._through(self._runner.close(wait_seconds=DRAIN_SECONDS))
        await self._through(self._duties.close())
        self._housekeeping.close()
        await self._through(self._tree.close())
        await self._through(self._hosts.close())
        await self._through(self._coordination.leave())
        if self._doors is not None:
            await self._through(self._doors.close())
        self._system.close()
        await self._through(self._agents.close())
        await self._through(self._images.close())
        await self._through(self._store.close())

    async def _through(self, work: Awaitable[object]) -> None:
        try:
            await work
        except Exception:  # The end of a program: the rest of it must end, too.
            log.exception("a part of this controller did not end as it should")
