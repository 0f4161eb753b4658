"""Cuts a part off: nothing that it sends arrives, and nothing that is sent to it.

Connections are not reset: what is sent is lost, as behind a pulled plug. What a part's processes
say to each other still passes. Linux's own packet filter does it, by cells: what a cell sends is
marked, and what arrives at another cell is dropped by that mark.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from photon.chaos.cells import Cells

NFT_SECONDS_MAX: Final = 10.0  # It takes milliseconds.
GROUPS: Final = Path("/sys/fs/cgroup")
FIRST_MARK: Final = 0x5048_0000  # Of our own: nobody else's packets are touched.
BARE_BYTES: Final = 52  # IPv4 and TCP with its time stamps, as Linux sends it, and no content.


class CutFailed(Exception):
    """The packet filter did not take the rules; in its own words."""


@dataclass(frozen=True, slots=True)
class Cut:
    """`part` is cut off from all the others; or from `other` alone."""

    part: str
    other: str | None = None


class Cuts:
    """Those that are in force. Each change replaces all rules at once.

    `table` is the name of ours; `parts` are the cells that there are.
    """

    def __init__(self, table: str, cells: Cells, parts: Iterable[str]) -> None:
        self._table = table
        self._cells = cells
        self._marks = {name: FIRST_MARK + n for n, name in enumerate(sorted(parts), start=1)}
        self._now: list[Cut] = []

    @staticmethod
    def possible() -> bool:
        """Whether the packet filter is here, and ours to ask."""
        if shutil.which("nft") is None:
            return False
        asked = ["nft", "list", "tables"]
        done = subprocess.run(asked, capture_output=True, timeout=NFT_SECONDS_MAX, check=False)
        return done.returncode == 0

    def make(self, cut: Cut) -> None:
        """Raises CutFailed."""
        self._now.append(cut)
        self._apply()

    def mend(self, cut: Cut) -> None:
        """Raises CutFailed. Twice is once."""
        if cut in self._now:
            self._now.remove(cut)
            self._apply()

    def end(self) -> None:
        """Mends all; whatever was there before us stays."""
        self._now.clear()
        forget(self._table)

    def _apply(self) -> None:
        if not self._now:
            forget(self._table)
            return
        _nft(self.rules())

    def rules(self) -> str:
        """As the packet filter takes them."""
        marked = [
            f"{self._here(name)} meta mark set {mark:#x} accept"
            for name, mark in self._marks.items()
        ]
        dropped = [rule for cut in self._now for rule in self._dropped(cut)]
        lines = [
            f"table inet {self._table}",  # So that there is one to delete.
            f"delete table inet {self._table}",
            f"table inet {self._table} {{",
            "  chain sent { type filter hook output priority -150;",
            *(f"    {rule}" for rule in marked),
            "  }",
            "  chain arriving { type filter hook input priority -150;",
            *(f"    {rule}" for rule in dropped),
            "  }",
            "}",
        ]
        return "\n".join(lines) + "\n"

    def _dropped(self, cut: Cut) -> list[str]:
        here, mark = self._here(cut.part), self._marks[cut.part]
        if cut.other is None:
            # What it sends is dropped unless it arrives at itself. The ACK that ends a handshake
            # meets no whole socket yet, so all that carry nothing pass: elsewhere they say nothing.
            # The same of what the kernel answers, without a mark, to one who connects.
            return [
                f"meta mark {mark:#x} {here} accept",
                f"meta mark {mark:#x} tcp flags == ack meta length {BARE_BYTES} accept",
                f"meta mark {mark:#x} drop",
                f"{here} meta mark 0 tcp flags & (syn | ack) == (syn | ack) accept",
                f"{here} meta mark 0 tcp flags & rst == rst accept",
                f"{here} drop",
            ]
        there, other = self._here(cut.other), self._marks[cut.other]
        return [f"meta mark {mark:#x} {there} drop", f"meta mark {other:#x} {here} drop"]

    def _here(self, name: str) -> str:
        """What matches packets of that cell, as the packet filter finds cells: from this folder."""
        folder = self._cells.root / name
        level = len(folder.relative_to(_mount(folder)).parts)
        return f'socket cgroupv2 level {level} "{folder.relative_to(GROUPS)}"'


def forget(table: str) -> None:
    """Takes all rules of this name away, if there are any."""
    _nft(f"table inet {table}\ndelete table inet {table}\n")


def _mount(folder: Path) -> Path:
    """The root of the control groups that `folder` is in."""
    while (folder.parent / "cgroup.procs").exists():
        folder = folder.parent
    return folder


def _nft(rules: str) -> None:
    done = subprocess.run(
        ["nft", "-f", "-"],
        input=rules,
        text=True,
        capture_output=True,
        timeout=NFT_SECONDS_MAX,
        check=False,
    )
    if done.returncode != 0:
        raise CutFailed(done.stderr.strip())
