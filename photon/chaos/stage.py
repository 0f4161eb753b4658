"""Puts up the cloud that is to be broken, and takes it away again, whatever became of it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from photon.chaos.cells import Cells
from photon.chaos.cuts import Cuts
from photon.chaos.guardian import Charge, Guardian
from photon.chaos.ha import ChaosCloud
from photon.chaos.probes import Ground
from photon.devbox.ha.cloud import HaCloud
from photon.devbox.ha.groups import cgroup
from photon.devbox.ha.layout import NET_VARIABLE, HaLayout, default_layout, free_net
from photon.devbox.ha.servers import PROXY, Shape
from photon.devbox.layout import FOLDER_VARIABLE

SIMULATED_HOSTS: Final = 8  # Of two agents, for the probes; the load has its own beside these.


@dataclass(frozen=True, slots=True)
class Stage:
    """`cuts` is None where nothing can be cut off, or shall be."""

    cloud: ChaosCloud
    ground: Ground
    cuts: Cuts | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """`keep`: the folder with all logs stays, and where it is, is said."""

    qemu_hosts: int
    cuts: bool
    keep: bool


@contextmanager
def stage(wanted: Wanted, say: Callable[[str], None]) -> Iterator[Stage]:
    """The cloud, for as long as this lasts. A guardian sees to its end if we cannot.

    Raises: as HaCloud.up does.
    """
    folder = Path(tempfile.mkdtemp(prefix="photon-chaos-"))
    folder.chmod(0o711)  # PostgreSQL has a user of its own.
    layout = HaLayout(folder / "ha", free_net())
    _share_guest(layout)
    cells = _cells(layout) if wanted.cuts else None
    table = f"photon_chaos_{layout.net}" if cells is not None and Cuts.possible() else None
    if wanted.cuts and table is None:
        say("nothing is cut off: no control groups (version 2), or no packet filter, is ours here")
    down = _down(layout, keep=wanted.keep)
    guardian = Guardian(Charge(table, None if cells is None else str(cells.root), down))
    guardian.start()
    if wanted.keep:
        say(f"all logs will be in {layout.run_dir}")
    cloud = ChaosCloud(HaCloud(layout, say), Shape(SIMULATED_HOSTS, wanted.qemu_hosts))
    with cloud.running() as ground:
        names = [part.name for part in cloud.parts]
        cuts = None if table is None or cells is None else Cuts(table, cells, names)
        try:
            yield Stage(cloud, ground, cuts)
        finally:
            if cuts is not None:
                cuts.end()
    if cells is not None:
        cells.end()
    if not wanted.keep:
        shutil.rmtree(folder, ignore_errors=True)
    guardian.dismiss()


def _share_guest(layout: HaLayout) -> None:
    """The guest's image takes a while to build: it is the devbox's, and stays."""
    shared = default_layout().guest_dir
    shared.mkdir(parents=True, exist_ok=True)
    layout.root.mkdir(parents=True)
    layout.guest_dir.symlink_to(shared)


def _cells(layout: HaLayout) -> Cells | None:
    """Those that the launcher puts its parts into."""
    group = cgroup(layout, PROXY)
    return None if group is None else Cells.at(group.parent)


def _down(layout: HaLayout, *, keep: bool) -> tuple[str, ...]:
    """What takes away what no cell holds, such as the bridges of guests; and then the folder."""
    folder = str(layout.root.parent)
    end = f"{sys.executable} -m photon.devbox --ha down"
    if not keep:
        end += f"; rm -rf {folder}"
    return (
        "env",
        f"{FOLDER_VARIABLE}={folder}",
        f"{NET_VARIABLE}={layout.net}",
        f"PYTHONPATH={os.environ.get('PYTHONPATH', '')}",
        "/bin/sh",
        "-c",
        end,
    )
