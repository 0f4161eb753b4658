"""What a controller is told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from photon.coordination.ensemble import Ensemble
from photon.coordination.terms import LeaseTerms
from photon.domain.overcommit import Overcommit
from photon.rpc.tls import MutualTls
from photon.scheduler.policy import Policy
from photon.scheduler.shape import TreeShape
from photon.tasks.runner import TaskLimits

DEFAULT_LISTEN: Final = "127.0.0.1:9000"  # The contract's API port; loopback while it is open.
IN_STORE: Final = "store"  # `coordination`: in the CloudStore


@dataclass(frozen=True, slots=True)
class ControllerConfig:
    """`advertise` is the URL by which agents reach this controller; by default where it listens.

    `store` is a URL; without one, the CloudStore is a file in `data_dir`, for this process alone.
    """

    data_dir: Path
    listen_host: str = "127.0.0.1"
    listen_port: int = 9000
    advertise: str = ""
    name: str = "controller-1"
    limits: TaskLimits = field(default_factory=TaskLimits)
    store: str = ""
    images: Path | None = None
    ensemble: Ensemble | None = None
    lease: LeaseTerms = field(default_factory=LeaseTerms)
    farewell_seconds: float = 0.0
    verbose: bool = False
    nodes: tuple[str, int] = ("127.0.0.1", 0)  # where other controllers ask this one's leaves
    nodes_tls: MutualTls | None = None
    agents_tls: MutualTls | None = None
    shape: TreeShape = field(default_factory=TreeShape)
    overcommit: Overcommit = field(default_factory=Overcommit)  # what hosts are told
    policy: Policy = field(default_factory=Policy)

    @property
    def embedded(self) -> bool:
        """Whether the store admits this process alone."""
        return not self.store

    @property
    def store_path(self) -> Path:
        return self.data_dir / "cloudstore.sqlite"

    @property
    def image_dir(self) -> Path:
        """All controllers of a deployment share it."""
        return self.images or self.data_dir / "images"
