"""What all messages of the public API share (contract, 2.1)."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

import msgspec

from photon.domain.names import NAME_LENGTH_MAX, NAME_PATTERN, is_name
from photon.domain.quota import QuotaUnit

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH_MAX, pattern=NAME_PATTERN)]
NonEmpty = Annotated[str, msgspec.Meta(min_length=1)]
Text = Annotated[str, msgspec.Meta(max_length=1024)]  # descriptions and the like
Milliseconds = int | None  # since the epoch
TAG_LENGTH_MAX = 64

Item = TypeVar("Item")


class NoName(ValueError):
    """A message that is being decoded is refused with its text, as it is by msgspec's own."""

    def __init__(self, text: str) -> None:
        super().__init__(f"Expected `str` matching regex {NAME_PATTERN!r}")
        self.text = text


def check_name(name: str) -> None:
    """What the pattern cannot say: Python's `$` lets a newline pass at the end. Raises NoName."""
    if not is_name(name):
        raise NoName(name)


class ResourceList(msgspec.Struct, Generic[Item], rename="camel"):
    items: list[Item]
    next_page_link: str | None = None
    previous_page_link: str | None = None


class ApiError(msgspec.Struct):
    """`data` holds strings only: the numbers and names that the message is made of."""

    code: str
    message: str
    data: dict[str, str] | None = None


class QuotaLineItem(msgspec.Struct):
    key: Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
    value: Annotated[float, msgspec.Meta(ge=0)]
    unit: QuotaUnit


class SecurityGroup(msgspec.Struct):
    name: str
    inherited: bool = False


class StringList(msgspec.Struct):
    """A ResourceList<string> as clients send it."""

    items: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=256)]], msgspec.Meta(max_length=1000)
    ]
