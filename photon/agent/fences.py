"""The order in which the control plane decided, as one host remembers it for each VM and disk.

A message that was delayed on its way carries a lower fence than what came after it, and is
refused. What was deleted leaves a tombstone, so that a create that comes too late makes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from photon.agent.journal import Journal
from photon.domain.guest import AgentRefusal, Refusal
from photon.outside.clock import Clock

# A call gets an hour at most; one that was decided longer ago than two has no caller any more.
TOMBSTONE_MS = 2 * 3600 * 1000
# A host makes and unmakes some dozens of guests in two hours; a burst beyond loses the oldest.
TOMBSTONES_MAX = 256


class _Tombstone(msgspec.Struct, frozen=True, array_like=True):
    fence: int
    at_ms: int


class Fences:
    """Highest fences of one host's VMs and disks, kept in the journal under `prefix`."""

    __slots__ = ("_clock", "_journal", "_live", "_prefix", "_tombstones")

    def __init__(
        self, prefix: str, journal: Journal, clock: Clock, remembered: Mapping[str, bytes]
    ) -> None:
        self._prefix = prefix
        self._journal = journal
        self._clock = clock
        self._live: dict[str, int] = {}
        self._tombstones: dict[str, _Tombstone] = {}
        for key, value in remembered.items():
            kind, _, name = key.partition("/")
            if kind == "fence":
                self._live[name] = int(value)
            elif kind == "tombstone":
                self._tombstones[name] = msgspec.json.decode(value, type=_Tombstone)

    def of(self, name: str) -> int:
        """The highest fence seen for something that is there."""
        return self._live.get(name, 0)

    def check(self, name: str, fence: int) -> None:
        """Refusal STALE_FENCE if something decided later has been done already."""
        refuse_below(name, fence, self.of(name))

    def check_new(self, name: str, fence: int) -> None:
        """As `check`, for a create: what was deleted with this fence or a higher one stays so."""
        self.check(name, fence)
        grave = self._tombstones.get(name)
        if grave is not None and grave.at_ms > self._clock.now_ms() - TOMBSTONE_MS:
            refuse_below(name, fence, grave.fence + 1)

    def pass_(self, name: str, fence: int) -> bool:
        """Remembers the fence of what is about to be done; whether that is news to the journal."""
        if fence <= self._live.get(name, -1):
            return False
        self._live[name] = fence
        self._journal.put(f"{self._prefix}/fence/{name}", b"%d" % fence)
        return True

    def forget(self, name: str) -> None:
        """A create failed and left nothing: it may be tried again with the same fence.

        An older tombstone stays, for what came before that create.
        """
        if self._live.pop(name, None) is not None:
            self._journal.put(f"{self._prefix}/fence/{name}", None)

    def bury(self, name: str, fence: int) -> None:
        """It is gone, by a decision of this fence."""
        at_ms = self._clock.now_ms()
        last = self._tombstones.pop(name, None)
        fence = max(fence, self.of(name), last.fence if last else 0)
        self._tombstones[name] = _Tombstone(fence, at_ms)
        key = f"{self._prefix}/tombstone/{name}"
        self._journal.put(key, msgspec.json.encode(self._tombstones[name]))
        self.forget(name)
        self._drop_old(at_ms - TOMBSTONE_MS)

    def keep_only(self, existing: set[str]) -> None:
        """At start: what the journal knows and the driver does not find was deleted meanwhile."""
        for name in [name for name in self._live if name not in existing]:
            self.bury(name, self.of(name))

    def clear(self) -> None:
        """The host was given back: its next owner counts from anew."""
        for name in list(self._live):
            self.forget(name)
        for name in list(self._tombstones):
            self._drop(name)

    def _drop_old(self, before_ms: int) -> None:
        for name, grave in list(self._tombstones.items()):
            if len(self._tombstones) <= TOMBSTONES_MAX and grave.at_ms >= before_ms:
                return
            self._drop(name)

    def _drop(self, name: str) -> None:
        del self._tombstones[name]
        self._journal.put(f"{self._prefix}/tombstone/{name}", None)


def refuse_below(name: str, fence: int, lowest: int) -> None:
    """Refusal STALE_FENCE for what was decided before what has been done to `name`."""
    if fence < lowest:
        message = f"Something decided later has been done to {name} already; look at it again."
        raise Refusal(AgentRefusal.STALE_FENCE, message, fence=fence, lowest=lowest)
