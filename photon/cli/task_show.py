"""One task, with its steps and what went wrong in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from photon.cli.answer import moment, print_json, print_members
from photon.cli.table import print_table
from photon.cli.task_table import took

if TYPE_CHECKING:
    from photon.cli.session import Session
    from photon.wire.v1.task import Step, Task


def show_task(session: Session, task: Task) -> None:
    match session.output:
        case "json":
            print_json(task)
        case "id":
            print(task.entity.id)
        case _:
            _print_task(task)


def _print_task(task: Task) -> None:
    facts: dict[str, Any] = {
        "id": task.id,
        "operation": task.operation,
        "state": task.state,
        "entity": f"{task.entity.kind} {task.entity.id}",
        "queued": moment(task.queued_time),
        "took": took(task),
    }
    if task.resource_properties is not None:
        facts["result"] = task.resource_properties
    print_members(facts)
    if task.steps:
        print_table((("STEP", lambda step: step.operation), *_STEP_COLUMNS), task.steps)


def _said(step: Step) -> str:
    errors = [f"{error.code}: {error.message}" for error in step.errors]
    warnings = [f"warning: {warning.message}" for warning in step.warnings]
    return " ".join([*errors, *warnings])


_STEP_COLUMNS = (("STATE", lambda step: step.state), ("SAID", _said))
