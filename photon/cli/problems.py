"""Errors as one paragraph: what failed, why, and what to do; and the exit code of each sort."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Final

from photon.domain.names import NAME_LENGTH_MAX
from photon.sdk.errors import ApiProblem, BadAnswer, TaskFailed, TaskUnfinished, Unreachable
from photon.wire.v1.basics import ApiError, NoName

EXIT_ERROR = 1
EXIT_USAGE = 2
EXIT_NOT_FOUND = 3
EXIT_UNREACHABLE = 4
STATUS_NOT_FOUND = 404

# What to type next, by code. The API's own sentences say what to do, but not in which command.
ADVICE: Final = {
    "QuotaError": "`photon quota show` shows the limits and what is used.",
    "NotEnoughCpuResource": "`photon system usage` and `photon host list` show what there is.",
    "NotEnoughMemoryResource": "`photon system usage` and `photon host list` show what there is.",
    "NotEnoughDatastoreCapacity": "`photon datastore list` shows what there is.",
    "NoSuchResource": "`photon host list` shows the hosts and their states.",
    "UnfullfillableAffinities": "`photon host list` and `photon zone list` show what can be met.",
    "UnfullfillableDiskAffinities": "`photon datastore list` shows tags that disks can ask for.",
    "SystemPaused": "An operator ends the pause with `photon system resume`.",
    "InvalidFlavor": "`photon flavor list` shows those there are.",
    "PersistentDiskAttached": "`photon vm detach-disk VM DISK` does it.",
    "HostHasVms": "`photon host list-vms HOST` shows them.",
    "ConcurrentTask": "`photon task list --state STARTED` shows what runs.",
    "MissingAuthToken": "Put an access token in $PHOTON_TOKEN.",
    "InvalidAuthToken": "Put a valid access token in $PHOTON_TOKEN.",
    "ExpiredAuthToken": "Put a fresh access token in $PHOTON_TOKEN.",
    "AccessForbidden": "Ask an administrator of the project, the tenant or the system.",
    "InternalError": "If that does not help: the log of the controller has more under this id.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    paragraph: str
    exit_code: int


def explained(error: Exception) -> Problem:
    match error:
        case ApiProblem(status=status, code=code, message=message):
            exit_code = EXIT_NOT_FOUND if status == STATUS_NOT_FOUND else EXIT_ERROR
            return Problem(_paragraph(f"the API refused: {message}", code), exit_code)
        case TaskFailed():
            return Problem(_failure(error), EXIT_ERROR)
        case TaskUnfinished(task=task):
            return Problem(f"{error}: `photon task monitor {task.id}`.", EXIT_ERROR)
        case Unreachable():
            return Problem(
                f"{error}. Check that it runs and that the address is right; "
                "`photon target show` shows it, `photon target set URL` names another.",
                EXIT_UNREACHABLE,
            )
        case BadAnswer():
            return Problem(
                f"{error}. Is the target (`photon target show`) really a Photon Controller?",
                EXIT_UNREACHABLE,
            )
        case NoName(text=text):
            return Problem(
                f"{text!r} is no name here. A name begins with a letter; letters, digits and "
                f"hyphens follow, up to {NAME_LENGTH_MAX} characters.",
                EXIT_USAGE,
            )
        case OSError() if error.errno is not None and error.errno != errno.EPIPE:
            return Problem(f"{error.filename or 'the system'}: {error.strerror}.", EXIT_ERROR)
        case _:
            return Problem(
                f"a fault of this program ({type(error).__name__}: {error}). Run it again with "
                "PHOTON_DEBUG=1 and report what it prints.",
                EXIT_ERROR,
            )


def _failure(failed: TaskFailed) -> str:
    task = failed.task
    what = f"{task.operation} of {task.entity.kind} {task.entity.id} failed"
    at = f" at step {failed.step}" if failed.step else ""
    if not failed.errors:
        return f"{what}{at}, and gave no reason. `photon task show {task.id}` has its steps."
    reasons = " ".join(_reason(error) for error in failed.errors)
    return _paragraph(f"{what}{at}: {reasons}", failed.errors[0].code) + (f" Task: {task.id}.")


def _reason(error: ApiError) -> str:
    return _sentence(error.message)


def _paragraph(text: str, code: str) -> str:
    advice = ADVICE.get(code)
    return " ".join(filter(None, (_sentence(text), advice, f"[{code}]")))


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
