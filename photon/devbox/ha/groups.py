"""A control group for each part, where this machine has those (version 2).

A packet filter can then tell what a part sends from what others send, whatever address it is sent
from: that is how one part is cut off from all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from photon.devbox.ha.layout import HaLayout

CGROUPS: Final = (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))


def in_group(layout: HaLayout, name: str, command: tuple[str, ...]) -> tuple[str, ...]:
    """The command, run in the control group of this part; as it is where nobody may make one."""
    group = cgroup(layout, name)
    if group is None:
        return command
    return ("/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"', f"{group}/cgroup.procs", *command)


def cgroup(layout: HaLayout, name: str) -> Path | None:
    """The part's control group, made if need be; None where nobody may make one."""
    root = _root()
    if root is None:
        return None
    group = root / f"photon-ha-{layout.net}" / name
    try:
        group.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return group


def remove_cgroups(layout: HaLayout, names: Iterable[str]) -> None:
    root = _root()
    if root is None:
        return
    all_parts = root / f"photon-ha-{layout.net}"
    for group in (*(all_parts / name for name in names), all_parts):
        try:
            group.rmdir()
        except OSError:  # Somebody is still in it, such as a guest; or it never was.
            continue


def _root() -> Path | None:
    return next((root for root in CGROUPS if (root / "cgroup.procs").exists()), None)
