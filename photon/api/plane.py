"""What handlers reach the control plane through. Built once, by the controller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from photon.domain.demand import Demand, NoPlacement
from photon.domain.system import System
from photon.images.library import ImageLibrary
from photon.outside.clock import Clock
from photon.outside.ids import Ids
from photon.store.protocol import CloudStore
from photon.tasks.runner import TaskRunner


@dataclass(frozen=True, slots=True)
class Release:
    """What runs here: shown by /v1/info."""

    base_version: str
    full_version: str
    git_commit_hash: str


class TaskEnds(Protocol):
    """Tells when a task has ended, from the change feed."""

    async def wait(self, task_id: str, *, seconds: float) -> None:
        """Returns when the task changed its state, or when the time is up."""
        ...


@dataclass(slots=True)
class Plane:
    """`system` is the deployment's row as the change feed last told it."""

    store: CloudStore
    runner: TaskRunner
    clock: Clock
    ids: Ids
    images: ImageLibrary
    ends: TaskEnds
    release: Release
    system: Callable[[], System]
    instances: Callable[[], Awaitable[list[tuple[str, str, str]]]]
    where_would: Callable[[Demand], Awaitable[NoPlacement | None]] | None = None
