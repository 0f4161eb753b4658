"""Divides hosts among leaves. Pure: no clock, no chance, no I/O; the same calls, the same leaves.

Hosts with the same traits belong together, so that whole leaves can be left out for a demand that
names a zone, a usage or a network. Traits make prefixes: (zone, usage, reach), (zone, usage),
(zone,) and (). A prefix is *open*, that is, has leaves of its own, when enough hosts would live
there; a host lives in the longest open prefix of its traits, so rare kinds share leaves with those
that are most like them. What holds between calls:

- no leaf has more than `leaf_hosts_max` hosts, and none is empty;
- of the leaves of one prefix, at most one has fewer than `small_leaf_hosts`;
- a host moves only when its own traits change, when its kind opens or closes, or when two small
  leaves become one. Each of those needs about as many comings and goings as it moves hosts.

A full prefix gets an empty leaf more, which fills up: to divide the full one in halves would move
hosts for evenness alone, and nodes compare shares, not amounts, so it would gain nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from photon.domain.topology import Traits
from photon.scheduler.shape import TreeShape

Prefix = tuple[str, ...]
EVERYTHING: Final[Prefix] = ()
_ROUNDS_MAX: Final = 100_000  # Openings and closings of one call: far above any that end.


@dataclass(slots=True, eq=False)
class Part:
    """A leaf, and the hosts in it."""

    id: str
    prefix: Prefix
    hosts: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Changes:
    """What is otherwise than when it was last asked: ids, also of what is gone."""

    hosts: set[str] = field(default_factory=set)
    leaves: set[str] = field(default_factory=set)


class Division:
    """`name` gives each new leaf its id."""

    def __init__(self, shape: TreeShape, name: Callable[[], str]) -> None:
        self._shape = shape
        self._name = name
        self._parts: dict[str, Part] = {}
        self._of: dict[str, Part] = {}  # by host
        self._traits: dict[str, Prefix] = {}  # by host
        self._kept: dict[Prefix, Prefix] = {}  # one object for all hosts that are alike
        self._open: dict[Prefix, set[Part]] = {EVERYTHING: set()}
        self._roomy: dict[Prefix, set[Part]] = {EVERYTHING: set()}
        # Hosts that have the prefix and live in no longer one: those that would live there.
        self._pools: Counter[Prefix] = Counter()
        self._changes = Changes()

    # --- what it says ----------------------------------------------------------------------------

    def leaf_of(self, host_id: str) -> str | None:
        part = self._of.get(host_id)
        return None if part is None else part.id

    def traits_of(self, host_id: str) -> Prefix | None:
        return self._traits.get(host_id)

    def leaf(self, leaf_id: str) -> Part | None:
        return self._parts.get(leaf_id)

    def leaves(self) -> Iterable[Part]:
        return self._parts.values()

    def take_changes(self) -> Changes:
        changes, self._changes = self._changes, Changes()
        return changes

    # --- what it is told -------------------------------------------------------------------------

    def load(
        self, leaves: Iterable[tuple[str, Prefix]], seats: Iterable[tuple[str, str, Traits]]
    ) -> None:
        """What was divided earlier: (leaf, prefix), and (host, leaf, traits). Once, at first."""
        for leaf_id, prefix in leaves:
            self._add_part(Part(leaf_id, prefix))
        self._changes = Changes()
        astray = []
        for host_id, leaf_id, traits in seats:
            home = self._enter(host_id, traits)
            part = self._parts.get(leaf_id)
            if part is None or part.prefix != home or len(part.hosts) >= self._max:
                astray.append((host_id, home))
            else:
                self._put(host_id, part)
        self._changes = Changes()
        for host_id, home in astray:
            self._settle_in(host_id, home)
        self._balance(sorted(self._pools, key=len, reverse=True))
        for prefix in list(self._open):
            self._tidy(prefix)

    def add(self, host_id: str, traits: Traits) -> None:
        """A new host; or one whose traits may have changed."""
        prefix = self._traits.get(host_id)
        if prefix is not None:
            if prefix != _chain(traits)[0]:
                self._change(host_id, traits)
            return
        self._settle_in(host_id, self._enter(host_id, traits))
        self._balance(_chain(traits))

    def remove(self, host_id: str) -> None:
        if host_id not in self._traits:
            return
        part = self._of[host_id]
        self._leave(host_id)
        self._take_away(host_id)
        self._changes.hosts.add(host_id)
        self._balance([part.prefix])
        self._tidy(part.prefix)

    def _change(self, host_id: str, traits: Traits) -> None:
        part = self._of[host_id]
        old_home = part.prefix
        self._leave(host_id)
        home = self._enter(host_id, traits)
        self._changes.hosts.add(host_id)
        if home != old_home:
            self._take_away(host_id)
            self._settle_in(host_id, home)
        self._balance([*_chain(traits), old_home])
        self._tidy(old_home)

    # --- prefixes --------------------------------------------------------------------------------

    def _enter(self, host_id: str, traits: Traits) -> Prefix:
        """Counts it in all prefixes down to its home, and answers that."""
        whole = _chain(traits)[0]
        whole = self._traits[host_id] = self._kept.setdefault(whole, whole)
        return self._count(whole, +1)

    def _leave(self, host_id: str) -> None:
        self._count(self._traits.pop(host_id), -1)

    def _count(self, whole: Prefix, by: int) -> Prefix:
        for prefix in _ancestry(whole):
            self._pools[prefix] += by
            if not self._pools[prefix]:
                del self._pools[prefix]
            if prefix in self._open:
                return prefix
        raise AssertionError("a host with no traits at all still lives in ()")

    def _balance(self, prefixes: Iterable[Prefix]) -> None:
        """Opens and closes what is due, longest first."""
        work = list(prefixes)[::-1]
        for _ in range(_ROUNDS_MAX):
            if not work:
                return
            prefix = work.pop()
            if prefix == EVERYTHING:
                continue
            pool = self._pools[prefix]
            if prefix in self._open:
                if pool < self._shape.kind_hosts_few:
                    self._close_prefix(prefix)
                    work += _ancestry(prefix)[::-1]
            elif pool >= self._shape.kind_hosts_min:
                self._open_prefix(prefix)
                work += _ancestry(prefix)[1:][::-1]
        raise AssertionError("prefixes open and close without end")

    def _open_prefix(self, prefix: Prefix) -> None:
        """Its hosts leave those with which they shared leaves; whoever is in the minority moves."""
        home = self._home_above(prefix)
        self._open[prefix], self._roomy[prefix] = set(), set()
        coming, going = [], []
        for part in sorted(self._open[home], key=lambda part: part.id):
            # In any order, both: all that move are sorted first.
            inside = [host for host in part.hosts if _has(self._traits[host], prefix)]
            if 2 * len(inside) > len(part.hosts):
                # any order
                going += [host for host in part.hosts if not _has(self._traits[host], prefix)]
                self._rename(part, prefix)
            else:
                coming += inside
        count = self._pools[prefix]
        for above in _ancestry(prefix)[1:]:
            self._pools[above] -= count
            if above == home:
                break
        for host_id in sorted(coming):
            self._move(host_id, prefix)
        for host_id in sorted(going):
            self._move(host_id, home)
        self._tidy(home)

    def _close_prefix(self, prefix: Prefix) -> None:
        """Its leaves are those of the next open prefix, and small ones are made one there."""
        home = self._home_above(prefix)
        for part in sorted(self._open[prefix], key=lambda part: part.id):
            self._rename(part, home)
        del self._open[prefix], self._roomy[prefix]
        count = self._pools[prefix]
        for above in _ancestry(prefix)[1:]:
            self._pools[above] += count
            if above == home:
                break
        if not count:
            del self._pools[prefix]
        self._tidy(home)

    def _home_above(self, prefix: Prefix) -> Prefix:
        return next(above for above in _ancestry(prefix)[1:] if above in self._open)

    def _tidy(self, prefix: Prefix) -> None:
        """Takes out empty leaves, and makes one of two small ones."""
        if prefix not in self._open:
            return
        small = self._shape.small_leaf_hosts
        # In any order: they are sorted next.
        few = [part for part in self._roomy[prefix] if len(part.hosts) < small or not part.hosts]
        few.sort(key=lambda part: (len(part.hosts), part.id))
        while few and not few[0].hosts:
            self._drop_part(few.pop(0))
        while len(few) > 1:
            least, next_least = few[0], few[1]
            for host_id in sorted(least.hosts):
                self._take_away(host_id)
                self._put(host_id, next_least)
                self._changes.hosts.add(host_id)
            self._drop_part(few.pop(0))
            if len(next_least.hosts) >= small:
                few.pop(0)
            few.sort(key=lambda part: (len(part.hosts), part.id))

    # --- leaves ----------------------------------------------------------------------------------

    @property
    def _max(self) -> int:
        return self._shape.leaf_hosts_max

    def _settle_in(self, host_id: str, home: Prefix) -> None:
        """Into the leaf with the fewest hosts, or a new one when all are full."""
        roomy = self._roomy[home]
        part = min(roomy, key=lambda part: (len(part.hosts), part.id), default=None)
        if part is None:
            part = Part(self._name(), home)
            self._add_part(part)
        self._put(host_id, part)
        self._changes.hosts.add(host_id)

    def _move(self, host_id: str, home: Prefix) -> None:
        self._take_away(host_id)
        self._settle_in(host_id, home)

    def _put(self, host_id: str, part: Part) -> None:
        part.hosts.add(host_id)
        self._of[host_id] = part
        if len(part.hosts) >= self._max:
            self._roomy[part.prefix].discard(part)

    def _take_away(self, host_id: str) -> None:
        part = self._of.pop(host_id)
        part.hosts.discard(host_id)
        self._roomy[part.prefix].add(part)

    def _add_part(self, part: Part) -> None:
        self._parts[part.id] = part
        self._open.setdefault(part.prefix, set()).add(part)
        self._roomy.setdefault(part.prefix, set()).add(part)
        self._changes.leaves.add(part.id)

    def _drop_part(self, part: Part) -> None:
        del self._parts[part.id]
        self._open[part.prefix].discard(part)
        self._roomy[part.prefix].discard(part)
        self._changes.leaves.add(part.id)

    def _rename(self, part: Part, prefix: Prefix) -> None:
        self._open[part.prefix].discard(part)
        self._roomy[part.prefix].discard(part)
        part.prefix = prefix
        self._open[prefix].add(part)
        if len(part.hosts) < self._max:
            self._roomy[prefix].add(part)
        self._changes.leaves.add(part.id)


def _chain(traits: Traits) -> list[Prefix]:
    return _ancestry((traits.zone, traits.usage, traits.reach))


def _ancestry(prefix: Prefix) -> list[Prefix]:
    """Itself, and all that it begins with."""
    return [prefix[:length] for length in range(len(prefix), -1, -1)]


def _has(whole: Prefix, prefix: Prefix) -> bool:
    return whole[: len(prefix)] == prefix
