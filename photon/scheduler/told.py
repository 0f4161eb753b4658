"""What the store tells of VMs and their groups, on the hosts of all controllers.

No host's report has groups in it, and members on the hosts of other controllers are in no leaf
here. Who follows the store's rows (photon.reconcilers.group_watch) puts them in, and all leaves of
a process look them up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from typing import Final

_NOWHERE: Final[dict[str, str | None]] = {}


def _no_zone(host_id: str) -> str | None:
    return None


class Told:
    """`zone_of` says in which zone a host of another controller is; None: in none."""

    def __init__(self) -> None:
        self.zone_of: Callable[[str], str | None] = _no_zone
        self._keys: dict[str, frozenset[str]] = {}  # by VM
        self._members: dict[str, dict[str, str | None]] = {}  # by key: VMs, and their hosts
        self._here: Counter[str] = Counter()  # hosts of this process's leaves

    def put(self, vm_id: str, keys: frozenset[str], host_id: str | None) -> None:
        """The VM is a member of these, and of no others."""
        self.drop(vm_id)
        if keys:
            self._keys[vm_id] = keys
            for key in keys:  # any order: members are looked up by group
                self._members.setdefault(key, {})[vm_id] = host_id

    def drop(self, vm_id: str) -> None:
        for key in self._keys.pop(vm_id, ()):
            members = self._members[key]
            del members[vm_id]
            if not members:
                del self._members[key]

    def vms(self) -> Collection[str]:
        return self._keys.keys()

    def keys_of(self, vm_id: str, otherwise: frozenset[str]) -> frozenset[str]:
        """What the store says; `otherwise` while it has said nothing of the VM."""
        return self._keys.get(vm_id, otherwise)

    def away(self, key: str) -> list[str]:
        """The hosts of members that no leaf of this process has, one for each member."""
        members = self._members.get(key, _NOWHERE)
        return [
            host_id
            for host_id in members.values()
            if host_id is not None and host_id not in self._here
        ]

    # --- which hosts are here --------------------------------------------------------------------

    def arrive(self, host_id: str) -> None:
        self._here[host_id] += 1

    def leave(self, host_id: str) -> None:
        self._here[host_id] -= 1
        if not self._here[host_id]:
            del self._here[host_id]
