"""Turns a request's bytes into a message, or into the contract's InvalidJson or InvalidEntity.

What cannot be read, has a wrong type or an unknown enum value is InvalidJson; what is readable and
says something that cannot be (a name that is none, a number out of range, a required member that
is missing or null) is InvalidEntity, with the member, the rule and the value.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from photon.domain.error_catalogue import InvalidEntity, InvalidJson

VALUE_SHOWN_MAX: Final = 100  # Enough to know one's own value again.
_AT: Final = re.compile(r"^(?P<text>.*?)(?: - at `(?P<where>(?:key in )?\$.*)`)?$", re.DOTALL)
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]")
# How msgspec words a rule of value, as against one of type.
_RULES: Final = (
    "matching regex",
    "of length",
    "<=",
    ">=",
    "Object missing required field",
    "Expected `kind`",
)


def decode(decoder: msgspec.json.Decoder[Any], content: bytes) -> Any:
    """The message in `content`.

    Raises:
        InvalidJson: not JSON, a wrong type, an unknown enum value.
        InvalidEntity: a rule of the message is broken.
    """
    try:
        return decoder.decode(content)
    except msgspec.ValidationError as wrong:
        raise _translated(str(wrong), content) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise InvalidJson(problem=printable(wrong)) from None


def _translated(wrong: str, content: bytes) -> InvalidJson | InvalidEntity:
    match = _AT.match(wrong)
    assert match is not None
    text, where = match["text"], match["where"] or "$"
    path = where.removeprefix("key in ").removeprefix("$").lstrip(".")
    value = _value_at(where, content)
    missing = re.fullmatch(r"Object missing required field `(.+)`", text)
    if missing:
        name = f"{path}.{missing[1]}" if path else missing[1]
        return InvalidEntity(problem=f"{name} may not be null (was null)")
    if "got `null`" in text:
        return InvalidEntity(problem=f"{path or 'the body'} may not be null (was null)")
    if any(rule in text for rule in _RULES):
        said = re.sub(r"^Expected `\w+`", "must be", text).replace("Expected ", "must be ")
        return InvalidEntity(problem=f"{path or 'the body'} : {said} (was {_shown(value)})")
    return InvalidJson(problem=f"{path or 'the body'}: {printable(text)}")


def _value_at(where: str, content: bytes) -> Any:
    try:
        value = msgspec.json.decode(content)
        for step in _STEP.finditer(where):
            if step[1] is not None:
                value = value[step[1]]
            elif step[2] is not None:
                value = value[int(step[2])]
            else:
                return "one of its values"
    except (
        msgspec.DecodeError,
        KeyError,
        IndexError,
        TypeError,
        RecursionError,
        UnicodeDecodeError,
    ):
        return None
    return value


def _shown(value: Any) -> str:
    return printable(value)[:VALUE_SHOWN_MAX]


def printable(text: object) -> str:
    """`text` without what a terminal would act on."""
    return "".join(c if c.isprintable() else "?" for c in str(text))
