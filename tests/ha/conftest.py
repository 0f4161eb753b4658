"""A whole cloud of which any one part may fail, of the tests' own."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from photon.devbox.ha.cloud import HaCloud
from photon.devbox.ha.groups import remove_cgroups
from photon.devbox.ha.layout import HaLayout, free_net
from photon.devbox.ha.servers import Shape
from photon.devbox.seed import Seeded

SHAPE = Shape(simulated=6, qemu=0)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Running:
    cloud: HaCloud
    seeded: Seeded


@pytest.fixture(scope="package")
def running() -> Iterator[Running]:
    root = Path(tempfile.mkdtemp(prefix="photon-ha-"))
    root.chmod(0o711)  # PostgreSQL's user must find what is its own.
    cloud = HaCloud(HaLayout(root, free_net()), log.warning)
    try:
        yield Running(cloud, cloud.up(SHAPE))
    finally:
        names = [*cloud.parts()]
        for name in reversed(names):  # In order would take a farewell and a last checkpoint.
            cloud.kill(name)
        remove_cgroups(cloud.layout, names)
        shutil.rmtree(root)
