"""The latest summaries of the nodes behind a door, in the order in which they changed.

Whoever asks says how far it has read, so nothing is kept for any of them, and an answer that was
lost is simply asked for again. A node's change is told at most once in `seconds`, and all nodes'
changes of that time together.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from photon.outside.clock import Clock
from photon.scheduler import node_messages as messages
from photon.scheduler.protocol import ChildNode
from photon.scheduler.summary import Summary

# Facts have 16 KiB and more, mostly sieves: a page stays within a few MiB, usually.
TELLINGS_A_PAGE_MAX: Final = 64
# Names may be long. Half of what a caller takes in one answer; no node alone has the other half.
PAGE_BYTES: Final = 4 << 20
_NEVER: Final = float("-inf")
_NOTHING: Final = Summary()


class _Told:
    """A node as it was when it was last looked at."""

    __slots__ = ("amounts", "changed_at", "facts", "facts_at", "node", "summary")

    def __init__(self, node: ChildNode) -> None:
        self.node = node
        self.summary = _NOTHING
        self.changed_at = 0
        self.facts_at = 0
        self.amounts = b""
        self.facts = b""

    def look(self, number: int) -> bool:
        """Whether it has changed; then `number` is its change's."""
        summary = self.node.summary()
        if summary is self.summary:
            return False
        if self.facts_at == 0 or summary.facts is not self.summary.facts:
            self.facts_at = number
            self.facts = b""
        self.summary, self.changed_at = summary, number
        self.amounts = messages.amounts_to(summary, number)
        return True

    def bytes_since(self, cursor: int) -> tuple[bytes, bytes]:
        """Its amounts, and its facts if they have changed."""
        if self.facts_at <= cursor:
            return self.amounts, b""
        # Only when somebody asks, and once for all who do.
        self.facts = self.facts or messages.facts_to(self.summary.facts)
        return self.amounts, self.facts


class Tellings:
    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds
        self._told: OrderedDict[str, _Told] = OrderedDict()  # the latest change last
        self._number = 0
        self._nodes_at = 0
        self._looked_at = _NEVER

    def add(self, node_id: str, node: ChildNode) -> None:
        self._told[node_id] = _Told(node)
        self._nodes_changed()

    def remove(self, node_id: str) -> None:
        if self._told.pop(node_id, None) is not None:
            self._nodes_changed()

    def look(self) -> None:
        """At all nodes, unless that was just done."""
        now = self._clock.monotonic()
        if now - self._looked_at < self._seconds:
            return
        self._looked_at = now
        for node_id, told in list(self._told.items()):
            if told.look(self._number + 1):
                self._number += 1
                self._told.move_to_end(node_id)

    def has_more(self, cursor: int) -> bool:
        return self._number > cursor

    def page(self, cursor: int, boot_id: str) -> object:
        """What changed since `cursor`, the oldest change first, as the thrift file has it."""
        changed = self._since(cursor)
        page: list[object] = []
        upto, bytes_left = self._number, PAGE_BYTES
        for node_id, told in changed:
            amounts, facts = told.bytes_since(cursor)
            bytes_left -= len(amounts) + len(facts)
            if page and (bytes_left < 0 or len(page) >= TELLINGS_A_PAGE_MAX):
                break
            page.append(messages.telling_to(node_id, amounts, facts))
            upto = told.changed_at
        more = len(page) < len(changed)
        nodes = list(self._told) if self._nodes_at > cursor else None
        return messages.tellings_to(boot_id, upto if more else self._number, page, nodes, more=more)

    def _since(self, cursor: int) -> Sequence[tuple[str, _Told]]:
        changed = []
        for node_id, told in reversed(self._told.items()):
            if told.changed_at <= cursor:
                break
            changed.append((node_id, told))
        changed.reverse()
        return changed

    def _nodes_changed(self) -> None:
        self._number += 1
        self._nodes_at = self._number
        self._looked_at = _NEVER
