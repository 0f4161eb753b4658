"""Tasks and steps (contract, 2.2)."""

from __future__ import annotations

from typing import Any

import msgspec

from photon.domain.task import TaskState
from photon.wire.v1.basics import ApiError, Milliseconds


class TaskEntity(msgspec.Struct):
    kind: str
    id: str


class Step(msgspec.Struct, rename="camel"):
    sequence: int
    state: TaskState
    operation: str
    errors: list[ApiError]
    warnings: list[ApiError]
    queued_time: Milliseconds
    started_time: Milliseconds
    end_time: Milliseconds
    options: dict[str, str]


class Task(msgspec.Struct, rename="camel"):
    id: str
    self_link: str
    kind: str
    entity: TaskEntity
    state: TaskState
    steps: list[Step]
    operation: str
    queued_time: Milliseconds
    started_time: Milliseconds
    end_time: Milliseconds
    resource_properties: Any = None
