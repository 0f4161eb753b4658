"""Every host as a cell, as dark as it is full, by zone and rack."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from photon.plan.report import svg
from photon.plan.result import HostLoad

WIDTH: Final = 860.0
_LEFT: Final = 150.0
# Above this many hosts, cells would be smaller than what can be pointed at: they get less detail.
_MANY: Final = 400
_TENTHS: Final = 10


def cells(label: str, loads: Sequence[HostLoad]) -> str:
    size = 8.0 if len(loads) > _MANY else 18.0
    across = int((WIDTH - _LEFT) // (size + 2))
    parts: list[str] = []
    y = 4.0
    for (zone, rack), hosts in _by_rack(loads).items():
        name = " ".join(part for part in (zone, rack) if part) or "hosts"
        parts.append(svg.text(_LEFT - 10, y + size - 2 if size > 10 else y + 9, name, anchor="end"))
        for place, host in enumerate(hosts):
            x = _LEFT + place % across * (size + 2)
            down = y + place // across * (size + 2)
            area = svg.Area(x, down, size, size)
            parts.append(svg.box(area, f"heat h{_tenth(host.load)}", _told(host)))
        y += max(-(-len(hosts) // across) * (size + 2) + 4, 18.0)
    return svg.drawing(WIDTH, y, label, parts)


def _tenth(load: float) -> int:
    return min(_TENTHS - 1, int(load * _TENTHS)) if load else 0


def _told(host: HostLoad) -> str:
    return f"{host.host}: {host.vms} VMs, CPU {host.cpu:.0%}, memory {host.memory:.0%}"


def _by_rack(loads: Sequence[HostLoad]) -> dict[tuple[str, str], list[HostLoad]]:
    racks: dict[tuple[str, str], list[HostLoad]] = {}
    for load in sorted(loads, key=lambda load: (load.zone, load.rack, load.host)):
        racks.setdefault((load.zone, load.rack), []).append(load)
    return racks
