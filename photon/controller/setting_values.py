"""What may be said of a setting, and what it means: text, numbers, addresses, URLs.

Each function takes what a file, a variable or a flag said; ValueError has the reason against it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from photon.store.postgres.places import places_of

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
HOST_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/@,]+):(\d{1,5})")
ROOT: Final = re.compile(r"(/[A-Za-z0-9._-]+)*")
PORT_MAX: Final = 65_535  # of TCP
TEXT_MAX: Final = 1024  # Nothing that is set is longer.
_YES: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def a_text(said: Any) -> str:
    if not isinstance(said, str) or len(said) > TEXT_MAX:
        raise ValueError(f"{said!r} is no text of at most {TEXT_MAX} characters")
    return said


def a_name(said: Any) -> str:
    text = a_text(said)
    if not NAME.fullmatch(text):
        raise ValueError(f"{text!r} is not letters, digits, '.', '_' and '-', at most 63 of them")
    return text


def a_path(said: Any) -> Path:
    text = a_text(str(said) if isinstance(said, Path) else said)
    if not text:
        raise ValueError("it is empty; it is to be a path")
    return Path(text).resolve()


def a_flag(said: Any) -> bool:
    if isinstance(said, bool):
        return said
    if isinstance(said, str) and said.lower() in _YES:
        return _YES[said.lower()]
    raise ValueError(f"{said!r} is neither true nor false")


def whole(least: int, most: int) -> Callable[[Any], int]:
    def parse(said: Any) -> int:
        try:
            if isinstance(said, (bool, float)):
                raise ValueError
            number = int(said)
        except (TypeError, ValueError):
            raise ValueError(f"{said!r} is no whole number") from None
        if not least <= number <= most:
            raise ValueError(f"{number} is not between {least} and {most}")
        return number

    return parse


def factor(most: float) -> Callable[[Any], float]:
    """A number above 0."""

    def parse(said: Any) -> float:
        number = _number(said)
        if not 0 < number <= most:  # which a NaN is not either
            raise ValueError(f"{said} is not above 0 and at most {most:g}")
        return number

    return parse


def share(most: float) -> Callable[[Any], float]:
    """From 0 to `most`, of 1."""

    def parse(said: Any) -> float:
        number = _number(said)
        if not 0 <= number <= most:
            raise ValueError(f"{said} is not between 0 and {most:g}")
        return number

    return parse


def _number(said: Any) -> float:
    try:
        if isinstance(said, bool):
            raise ValueError
        return float(said)
    except (TypeError, ValueError):
        raise ValueError(f"{said!r} is no number") from None


def seconds(least: float, most: float) -> Callable[[Any], float]:
    def parse(said: Any) -> float:
        try:
            if isinstance(said, bool):
                raise ValueError
            number = float(said)
        except (TypeError, ValueError):
            raise ValueError(f"{said!r} is no number of seconds") from None
        if not least <= number <= most:  # which a NaN is not either
            raise ValueError(f"{said} is not between {least:g} and {most:g} seconds")
        return number

    return parse


def an_address(said: Any) -> str:
    """Port 0: whichever is free."""
    text = a_text(said)
    host_port(text, least=0)
    return text


def perhaps_an_address(said: Any) -> str:
    return an_address(said) if a_text(said) else ""


def a_url(said: Any) -> str:
    text = a_text(said).rstrip("/")
    if not text:
        return ""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query:
        raise ValueError(f"{text!r} is no URL such as http://10.0.0.2:9000")
    return text


def a_store(said: Any) -> str:
    text = a_text(said)
    if text and urlsplit(text).scheme not in ("postgresql", "postgres"):
        scheme = text.partition(":")[0]
        raise ValueError(
            f"a store {scheme!r} is not known; it is postgresql://USER@HOST/DATABASE, or not set"
        )
    places_of(text)
    return text


def an_ensemble(said: Any) -> str:
    """`store`, or H:P,H:P/ROOT of ZooKeeper, without the scheme."""
    text = a_text(said)
    if text == "store":
        return text
    scheme, found, rest = text.partition("://")
    if scheme != "zookeeper" or not found:
        raise ValueError(f"{text!r} is neither 'store' nor zookeeper://HOST:PORT,.../ROOT")
    servers, slash, root = rest.partition("/")
    for server in servers.split(","):
        host_port(server, least=1)
    if not ROOT.fullmatch(slash + root):
        raise ValueError(f"{slash + root!r} is no path such as /photon")
    return rest


def host_port(text: str, *, least: int) -> tuple[str, int]:
    matched = HOST_PORT.fullmatch(text)
    if not matched:
        raise ValueError(f"{text!r} is not HOST:PORT")
    port = int(matched[2])
    if not least <= port <= PORT_MAX:
        raise ValueError(f"{text!r}: there is no port {port}")
    return matched[1].strip("[]"), port
