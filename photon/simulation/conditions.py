"""How the simulated network is at the moment: for all links, and for some in particular."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Link:
    """One direction between two machines. Rates are of frames, from 0 to 1."""

    delay_min_seconds: float = 0.0002
    delay_max_seconds: float = 0.001
    loss: float = 0.0  # which delays all that follows, or ends the connection
    duplicate: float = 0.0
    # A frame comes up to `reorder_seconds` later, others overtake it; so may one that comes twice.
    reorder: float = 0.0
    reorder_seconds: float = 0.05


@dataclass(slots=True)
class Conditions:
    """Change them at any time; what is under way has its delay already.

    `slow` adds seconds to all that comes to or from a machine. `groups` are a partition: who is in
    different groups does not reach each other, who is in none reaches everybody. `dark` are
    machines without power.
    """

    everywhere: Link = field(default_factory=Link)
    links: dict[tuple[str, str], Link] = field(default_factory=dict)  # by (from, to)
    slow: dict[str, float] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    one_way: set[tuple[str, str]] = field(default_factory=set)  # cut in this direction alone
    dark: set[str] = field(default_factory=set)

    def link(self, source: str, target: str) -> Link:
        return self.links.get((source, target), self.everywhere) if self.links else self.everywhere

    def slowness(self, source: str, target: str) -> float:
        if not self.slow:
            return 0.0
        return self.slow.get(source, 0.0) + self.slow.get(target, 0.0)

    def cut(self, source: str, target: str) -> bool:
        """Whether nothing comes through from one machine to the other."""
        if self.one_way and (source, target) in self.one_way:
            return True
        if self.dark and (source in self.dark or target in self.dark):
            return True
        if not self.groups:
            return False
        one, other = self.groups.get(source), self.groups.get(target)
        return one is not None and other is not None and one != other

    def partition(self, groups: Sequence[Iterable[str]]) -> None:
        self.groups = {name: number for number, group in enumerate(groups) for name in group}

    def heal(self) -> None:
        """No partition, no link that differs, nobody slow."""
        self.groups, self.links, self.slow = {}, {}, {}
        self.one_way = set()
