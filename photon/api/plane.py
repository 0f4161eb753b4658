"""What handlers reach the control plane through. Built once, by the controller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Protocol

from photon.api.watches import Watches
from photon.domain.system import System
from photon.domain.task import Task
from photon.domain.topology import Picture
from photon.images.protocol import Images
from photon.outside.clock import Clock
from photon.outside.ids import Ids
from photon.scheduler.protocol import SchedulerNode
from photon.store.kept import KeptReads
from photon.store.missing_hosts import MissingHosts
from photon.store.nouns import FLAVORS, IMAGES, PROJECTS, SUBNETS
from photon.store.protocol import CloudStore
from photon.tasks.runner import TaskRunner


@dataclass(frozen=True, slots=True)
class Release:
    """What runs here: shown by /v1/info."""

    base_version: str
    full_version: str
    git_commit_hash: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One part of the deployment, and how it is: `status` is the name of a StatusType."""

    component: str
    address: str
    status: str
    message: str = ""
    stats: dict[str, str] = field(default_factory=dict)
    build: str = ""


class TaskEnds(Protocol):
    """Waits for the end of tasks, by the change feed."""

    async def ended(self, task_id: str, *, seconds: float) -> Task | None:
        """The task, as soon as it has ended or `seconds` are over. None: there is none."""
        ...


@dataclass(slots=True)
class Plane:
    """`system` is the deployment's row as the change feed last told it.

    `instances` answers how each part of the deployment is, those of a component one after another.
    `leaving`: this controller still serves, and is about to stop. `topology` draws the scheduler
    tree as it is now.
    """

    store: CloudStore
    runner: TaskRunner
    clock: Clock
    ids: Ids
    images: Images
    ends: TaskEnds
    release: Release
    system: Callable[[], System]
    scheduler: SchedulerNode
    instances: Callable[[], Awaitable[list[Instance]]]
    leaving: Callable[[], bool] = lambda: False
    topology: Callable[[], Picture] = lambda: Picture(0, "", "", ())
    kept: KeptReads = field(init=False)
    missing: MissingHosts = field(init=False)
    watches: Watches = field(init=False)

    def __post_init__(self) -> None:
        self.kept = KeptReads(self.store, (PROJECTS, FLAVORS, IMAGES, SUBNETS))
        self.missing = MissingHosts(self.store)
        self.watches = Watches(self.store)
