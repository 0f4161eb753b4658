"""A task: one change that somebody asked for, its steps, and the journal of its saga."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class TaskState(StrEnum):
    QUEUED = "QUEUED"
    STARTED = "STARTED"
    ERROR = "ERROR"
    COMPLETED = "COMPLETED"


ENDED = frozenset({TaskState.ERROR, TaskState.COMPLETED})


class ErrorRecord(msgspec.Struct, frozen=True):
    """An error as it is kept and shown: the contract's ApiError."""

    code: str
    message: str
    data: dict[str, str] = msgspec.field(default_factory=dict)


class StepRecord(msgspec.Struct, frozen=True):
    """One step as the API shows it. Times are milliseconds since the epoch."""

    operation: str
    state: TaskState = TaskState.QUEUED
    started_ms: int | None = None
    ended_ms: int | None = None
    errors: tuple[ErrorRecord, ...] = ()
    warnings: tuple[ErrorRecord, ...] = ()
    options: dict[str, str] = msgspec.field(default_factory=dict)


class Task(msgspec.Struct, frozen=True):
    """`order` says what was asked, `results` what each completed step gave: the saga's journal.

    `owner` is the controller incarnation that runs it. Only the owner writes: each write names the
    generation, and adoption by another controller raises it.
    """

    id: str
    operation: str
    entity_kind: str
    entity_id: str
    queued_ms: int
    steps: tuple[StepRecord, ...] = ()
    state: TaskState = TaskState.QUEUED
    project_id: str | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    resource_properties: Any = None
    owner: str | None = None
    saga: str = ""  # the operation whose saga runs; differs from `operation` only when refused
    order: msgspec.Raw = msgspec.Raw(b"null")
    results: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict)
    error: ErrorRecord | None = None  # from here on the saga only undoes
    undone: tuple[str, ...] = ()
    generation: int = 0

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class Tombstone(msgspec.Struct, frozen=True):
    """That something existed and is gone: its tasks stay readable for a day (contract, 4.4)."""

    id: str
    kind: str
    at_ms: int
    generation: int = 0
    within: str | None = None  # the project or tenant that it was in
