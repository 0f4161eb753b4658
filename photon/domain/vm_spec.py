"""The rules for what a VM may be asked to be (contract, 7.4). Pure: a spec in, or an error."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from photon.domain.affinity import Affinity, AffinityKind
from photon.domain.error_catalogue import InvalidEntity
from photon.domain.flavor import FlavorKind

EPHEMERAL_WORDS: Final = frozenset({None, "ephemeral-disk", "ephemeral"})
PERSISTENT_WORDS: Final = frozenset({"persistent-disk", "persistent"})
_PINS: Final = frozenset({AffinityKind.HOST, AffinityKind.DATASTORE})
_ONE_AT_MOST: Final = (
    AffinityKind.HOST,
    AffinityKind.DATASTORE,
    AffinityKind.AVAILABILITY_ZONE,
    AffinityKind.DATASTORE_TYPE,
)


ENVIRONMENT_CHARACTERS_MAX: Final = 64 << 10  # What a host hands to a guest at its start.


class DiskAsked(Protocol):
    @property
    def kind(self) -> str | None: ...
    @property
    def boot_disk(self) -> bool | None: ...
    @property
    def capacity_gb(self) -> int | None: ...


def check_disks(disks: Sequence[DiskAsked] | None) -> None:
    """At least one disk, all ephemeral, exactly one of them to boot from, the others with a size.

    Raises:
        InvalidEntity: with what is wrong.
    """
    if not disks:
        raise InvalidEntity(problem="the VM has no disks; give it one boot disk at least")
    for place, disk in enumerate(disks):
        if disk.kind in PERSISTENT_WORDS:
            raise InvalidEntity(
                problem=f"attachedDisks[{place}] is persistent: create the VM first, then attach it"
            )
        if disk.kind not in EPHEMERAL_WORDS:
            raise InvalidEntity(
                problem=f'attachedDisks[{place}].kind must be "{FlavorKind.EPHEMERAL_DISK}"'
                f" (was {disk.kind[:64] if disk.kind else disk.kind})"
            )
    boots = sum(bool(disk.boot_disk) for disk in disks)
    if boots == 0:
        raise InvalidEntity(problem="none of the VM's disks is its boot disk; mark one bootDisk")
    if boots > 1:
        raise InvalidEntity(problem=f"{boots} disks are marked bootDisk; only one may be")
    for place, disk in enumerate(disks):
        if not disk.boot_disk and disk.capacity_gb is None:
            raise InvalidEntity(
                problem=f"attachedDisks[{place}].capacityGb may not be null (was null)"
            )


def check_environment(environment: Mapping[str, str] | None) -> None:
    """Raises InvalidEntity when it is more than a guest can be given."""
    size = sum(len(name) + len(value) for name, value in (environment or {}).items())
    if size > ENVIRONMENT_CHARACTERS_MAX:
        raise InvalidEntity(
            problem=f"the environment has {size} characters; {ENVIRONMENT_CHARACTERS_MAX} are the "
            "most that a guest can be given"
        )


def check_affinities(affinities: Sequence[Affinity]) -> None:
    """Which kinds may stand together; what is only wished for may stand with anything.

    Raises:
        InvalidEntity: with what is wrong.
    """
    if not affinities:
        return
    if any(affinity.soft and affinity.kind is AffinityKind.DISK for affinity in affinities):
        raise InvalidEntity(problem="an affinity of kind disk cannot be soft: it must be reached")
    if any(affinity.kind is AffinityKind.VM for affinity in affinities):
        raise InvalidEntity(problem="a VM cannot be created with an affinity of kind vm")
    counts = Counter(affinity.kind for affinity in affinities if not affinity.soft)
    for kind in _ONE_AT_MOST:
        if counts[kind] > 1:
            raise InvalidEntity(problem=f"{counts[kind]} affinities are of kind {kind}; one may be")
    if counts.keys() & _PINS and counts.keys() - _PINS:
        raise InvalidEntity(
            problem="affinities of kind host and datastore say it all; no other may stand with them"
        )
