"""Security groups: each object has its own, and those that it inherits (contract, 8.2).

A project inherits from its tenant, a tenant from the system. Only an object's own groups are
stored; what is inherited is looked up when it is shown, so that there is nothing to push.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from photon.api.body import printable
from photon.domain.error_catalogue import InvalidEntity, InvalidSecurityGroupFormat
from photon.domain.errors import Kind, PhotonError
from photon.domain.task import ErrorRecord
from photon.wire.v1.basics import SecurityGroup

GROUPS_MAX: Final = 1_000  # As many as one list of the API takes.
GROUP_LENGTH_MAX: Final = 256  # Directories allow 255 for a group; a domain is much shorter.
_GROUP: Final = re.compile(r"[^\\]+\\[^\\]+")


@dataclass(eq=False)
class SecurityGroupsAlreadyInherited(PhotonError):
    """Only ever a warning on a step."""

    code, kind = "SecurityGroupsAlreadyInherited", Kind.CONFLICT
    text = "{security_groups_not_set} were left out: they are inherited already"
    security_groups_not_set: str


@dataclass(frozen=True, slots=True)
class OwnGroups:
    """What is to be stored, and the warning about what is not."""

    own: tuple[str, ...]
    warnings: tuple[ErrorRecord, ...]


def checked(groups: Sequence[str] | None) -> tuple[str, ...]:
    """The groups as they were given, each once.

    Raises:
        InvalidSecurityGroupFormat: one is not domain\\group.
        InvalidEntity: too many.
    """
    if not groups:
        return ()
    if len(groups) > GROUPS_MAX:
        raise InvalidEntity(problem=f"securityGroups : at most {GROUPS_MAX} (was {len(groups)})")
    for group in groups:
        if len(group) > GROUP_LENGTH_MAX or not group.isprintable() or not _GROUP.fullmatch(group):
            raise InvalidSecurityGroupFormat(printable(group[:GROUP_LENGTH_MAX]))
    return tuple(dict.fromkeys(groups))


def own_groups(groups: Sequence[str] | None, inherited: Collection[str]) -> OwnGroups:
    """Divides what was asked for into an object's own groups and those it has already."""
    asked = checked(groups)
    left_out = [group for group in asked if group in inherited]
    if not left_out:
        return OwnGroups(asked, ())
    record = SecurityGroupsAlreadyInherited(", ".join(left_out)).to_record()
    return OwnGroups(
        tuple(group for group in asked if group not in inherited),
        (ErrorRecord(record["code"], record["message"], record["data"]),),
    )


def groups_view(own: Sequence[str], inherited: Sequence[str]) -> list[SecurityGroup]:
    taken = dict.fromkeys(inherited)
    return [SecurityGroup(group, inherited=True) for group in taken] + [
        SecurityGroup(group) for group in own if group not in taken
    ]
