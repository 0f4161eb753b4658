"""What lies on a datastore that several hosts share: claims, kept where all its hosts meet.

A host's own books know what that host has promised and nothing of the others. So a disk that is to
be made on a shared datastore is claimed there first, and the claim is given back when the disk is
gone. Whoever died between the two drops, at its next start, what it claimed and never made; a host
that never comes back keeps its claims, for its disks are still there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from photon.domain.guest import AgentRefusal, Refusal


class DatastoreClaims(Protocol):
    """All claims on one datastore, in GiB by host and disk. Each call happens whole or not at all.

    Two hosts may each have a disk of one id, such as a guest that was made twice: both count.
    """

    def take(self, host: str, disks_gib: Mapping[str, int], capacity_gib: int) -> None:
        """Claims room for all of these disks, or for none. What is claimed already stays as it is.

        Raises:
            Refusal: NOT_ENOUGH_DATASTORE; BUSY when the claims could not be reached in time.
        """
        ...

    def give(self, host: str, disk_ids: Iterable[str]) -> None:
        """Gives back what was claimed for these; what is not claimed is no error."""
        ...

    def keep_only(self, host: str, disks_gib: Mapping[str, int]) -> None:
        """The host has these disks and no others: claimed, room or not."""
        ...

    def taken_gib(self) -> int:
        """The sum over all hosts."""
        ...


class MemoryClaims:
    """For hosts of one process, and for simulated processes that share one datastore."""

    __slots__ = ("_gib", "_taken_gib")

    def __init__(self) -> None:
        self._gib: dict[str, dict[str, int]] = {}  # by host, by disk
        self._taken_gib = 0

    def take(self, host: str, disks_gib: Mapping[str, int], capacity_gib: int) -> None:
        own = self._gib.setdefault(host, {})
        new = {id: gib for id, gib in disks_gib.items() if id not in own}
        wanted_gib = sum(new.values())
        check_room(wanted_gib, capacity_gib - self._taken_gib)
        own.update(new)
        self._taken_gib += wanted_gib

    def give(self, host: str, disk_ids: Iterable[str]) -> None:
        own = self._gib.get(host, {})
        for id in disk_ids:
            self._taken_gib -= own.pop(id, 0)

    def keep_only(self, host: str, disks_gib: Mapping[str, int]) -> None:
        self._taken_gib += sum(disks_gib.values()) - sum(self._gib.get(host, {}).values())
        self._gib[host] = dict(disks_gib)

    def taken_gib(self) -> int:
        return self._taken_gib

    def of(self, host: str) -> Mapping[str, int]:
        """GiB by disk. For audits."""
        return self._gib.get(host, {})


def check_room(wanted_gib: int, free_gib: int) -> None:
    """Refusal NOT_ENOUGH_DATASTORE. Nothing wanted is always there."""
    if wanted_gib > max(0, free_gib):
        free = max(0, free_gib)
        message = (
            f"{wanted_gib} GiB are wanted, and the shared datastore has {free} left among all its "
            "hosts."
        )
        raise Refusal(AgentRefusal.NOT_ENOUGH_DATASTORE, message, wanted=wanted_gib, free=free)
