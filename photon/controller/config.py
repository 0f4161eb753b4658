"""What a controller is told at its start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from photon.tasks.runner import TaskLimits

DEFAULT_LISTEN: Final = "127.0.0.1:9000"  # The contract's API port; loopback while it is open.


@dataclass(frozen=True, slots=True)
class ControllerConfig:
    """`advertise` is the URL by which agents reach this controller; by default where it listens."""

    data_dir: Path
    listen_host: str = "127.0.0.1"
    listen_port: int = 9000
    advertise: str = ""
    name: str = "controller-1"
    limits: TaskLimits = field(default_factory=TaskLimits)

    @property
    def store_path(self) -> Path:
        return self.data_dir / "cloudstore.sqlite"

    @property
    def image_dir(self) -> Path:
        return self.data_dir / "images"
