"""The shape of every error a caller can see: data first, and a sentence made from it.

The catalogue is `photon.domain.error_catalogue`: one class per code. A released code never changes
its meaning. Codes, their statuses and their data are the wire contract's (section 5).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any, ClassVar, Final


class Kind(StrEnum):
    """What the caller should do about an error. The API maps each kind to one HTTP status."""

    INVALID = "invalid"  # fix the request
    UNAUTHENTICATED = "unauthenticated"  # say who you are
    DENIED = "denied"  # ask somebody who may
    NOT_FOUND = "not_found"  # it is not there, or not yours
    CONFLICT = "conflict"  # it is in the wrong state: look again, then decide
    CAPACITY = "capacity"  # free something, or wait
    UNAVAILABLE = "unavailable"  # try again as is
    BUG = "bug"  # tell us


_WIRE_NAMES: Final = {"entity_kind": "kind", "contents": "message"}


def wire_name(field: str) -> str:
    """A field's name in the contract's data: camel case, but for two that Python takes."""
    known = _WIRE_NAMES.get(field)
    if known is not None:
        return known
    first, *rest = field.split("_")
    return first + "".join(word.capitalize() for word in rest)


@dataclass(eq=False)
class PhotonError(Exception):
    """Base of the catalogue. A subclass is data: its fields say what happened, `text` says it."""

    code: ClassVar[str]
    kind: ClassVar[Kind]
    text: ClassVar[str]

    def __str__(self) -> str:
        return self.text.format_map(vars(self))

    @property
    def message(self) -> str:
        return str(self)

    def wire_data(self) -> dict[str, str]:
        """The error's fields as the contract wants them: a map of strings."""
        return {wire_name(field.name): str(getattr(self, field.name)) for field in fields(self)}

    def to_record(self) -> dict[str, Any]:
        """What a journal keeps: enough to show the same error again."""
        return {"code": self.code, "message": self.message, "data": self.wire_data()}


@dataclass(eq=False)
class RecordedError(PhotonError):
    """An error read back from a journal or from another process: code, sentence and data.

    `code` and `kind` are then the instance's own, not the class's.
    """

    recorded_code: str
    recorded_message: str
    recorded_data: dict[str, str]

    code = "InternalError"
    kind = Kind.BUG
    text = "{recorded_message}"

    def wire_data(self) -> dict[str, str]:
        return dict(self.recorded_data)

    def to_record(self) -> dict[str, Any]:
        return {
            "code": self.recorded_code,
            "message": self.recorded_message,
            "data": dict(self.recorded_data),
        }

    @staticmethod
    def of(record: dict[str, Any]) -> RecordedError:
        return RecordedError(record["code"], record["message"], dict(record.get("data") or {}))


def code_of(error: PhotonError) -> str:
    """The wire code of `error`, whether it was raised here or read back."""
    return error.recorded_code if isinstance(error, RecordedError) else error.code
