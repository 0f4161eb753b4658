"""Which controllers may be given leaves: those that are there, and have been for a while.

Who dies is told by coordination, after several heartbeats that did not come. Its leaves go to the
others at once, since nobody answers for them. But who comes, or comes back, is given none before it
has stayed; and one that keeps dying must stay longer each time, so that leaves do not go to and fro
with it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from photon.domain.member import Member

# A start that goes wrong goes wrong sooner; and a move costs an inventory of each host.
SETTLE_SECONDS: Final = 10.0
DOUBLINGS_MAX: Final = 6  # Ten minutes and a half: longer than people leave such a thing alone.
FORGIVEN_SECONDS: Final = 1800.0  # Who has lived so long does not flap, whatever was before.


class Attendance:
    """By name: an id is one incarnation alone."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}  # present since then, without a break
        self._ids: dict[str, str] = {}
        self._deaths: Counter[str] = Counter()
        self._looked = False

    def look(self, members: Sequence[Member], now: float) -> None:
        """Whoever is there at the first look has been there before: it is the chairman who came."""
        present = {member.name: member.id for member in members}
        for name, id in self._ids.items():
            if present.get(name) != id:
                self._deaths[name] += 1
                self._since.pop(name, None)
        for name in present:
            since = self._since.setdefault(name, now if self._looked else float("-inf"))
            if self._deaths[name] and now - since >= FORGIVEN_SECONDS:
                del self._deaths[name]
        self._ids = present
        self._looked = True

    def settled(self, members: Sequence[Member], now: float) -> list[Member]:
        """Those that may be given leaves; all of them, if nobody has stayed for long enough."""
        stayed = [member for member in members if self._has_stayed(member.name, now)]
        return stayed or list(members)

    def _has_stayed(self, name: str, now: float) -> bool:
        since = self._since.get(name)
        doublings = min(self._deaths[name], DOUBLINGS_MAX)
        return since is not None and now - since >= SETTLE_SECONDS * 2**doublings
