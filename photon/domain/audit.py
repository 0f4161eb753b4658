"""The invariants that an audit checks, and what it says of one that does not hold."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

AUDIT: Final = "AUDIT_SYSTEM"  # The operation, as tasks have it.


class Rule(StrEnum):
    """The invariants, each by the name under which its violation is reported."""

    HELD_WITHIN_CAPACITY = "HELD_WITHIN_CAPACITY"
    ONE_HOST = "ONE_HOST"  # a guest is on one host at most
    VM_HAS_GUEST = "VM_HAS_GUEST"
    GUEST_HAS_VM = "GUEST_HAS_VM"
    STATES_AGREE = "STATES_AGREE"  # of a VM and its guest
    DISK_IS_THERE = "DISK_IS_THERE"
    DISK_HAS_ROW = "DISK_HAS_ROW"
    ATTACHMENTS_AGREE = "ATTACHMENTS_AGREE"  # VM, disk and host say the same
    QUOTA_ADDS_UP = "QUOTA_ADDS_UP"
    LOCK_HAS_TASK = "LOCK_HAS_TASK"  # a live one
    TASK_HAS_OWNER = "TASK_HAS_OWNER"  # a controller that lives, until it ends
    PARTS_HAVE_VM = "PARTS_HAVE_VM"  # network cards and ephemeral disks


_DUTY: Final = "wait some minutes for the duty that mends it, and audit again; "
_REPORT: Final = "this is a fault of the control plane: keep its log, and report it"

ADVICE: Final[Mapping[Rule, str]] = {
    Rule.HELD_WITHIN_CAPACITY: (
        "see whether the host or datastore shrank or its overcommit was lowered; then move or "
        "delete something on it"
    ),
    Rule.ONE_HOST: "the guest that its VM does not name is an orphan: see photon system orphans",
    Rule.VM_HAS_GUEST: _DUTY + "the VM then is in ERROR, and can be deleted",
    Rule.GUEST_HAS_VM: "an orphan, removed after a time of grace: see photon system orphans",
    Rule.STATES_AGREE: _DUTY + "the VM then has its guest's state",
    Rule.DISK_IS_THERE: _DUTY + "the disk then is in ERROR, and can be deleted",
    Rule.DISK_HAS_ROW: "an orphan, removed after a time of grace: see photon system orphans",
    Rule.ATTACHMENTS_AGREE: "detach the disk, and attach it again; if that fails, report it",
    Rule.QUOTA_ADDS_UP: _REPORT,
    Rule.LOCK_HAS_TASK: _REPORT,
    Rule.TASK_HAS_OWNER: "wait until a controller adopts the task; if none does, restart one",
    Rule.PARTS_HAVE_VM: _REPORT,
}


class Violation(msgspec.Struct, frozen=True):
    """`subject` is the row by which it is looked for again: often `id`, or the host of `id`."""

    rule: Rule
    id: str  # of what is wrong
    text: str
    subject: str


class Audited(msgspec.Struct, frozen=True):
    """What an audit found. `unlisted` violations are beyond those that are listed.

    `silent` hosts gave no inventory, so nothing on them was judged. `unsettled` owners' quotas
    changed at every look, so they were not judged either.
    """

    violations: tuple[Violation, ...]
    unlisted: int
    hosts: int
    silent: int
    unsettled: int
