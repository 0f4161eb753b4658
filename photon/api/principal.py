"""Who calls, and what a route demands of them (contract, section 8).

Every route declares a role and every handler is given a principal. Until identity is configured
the cloud is open: each caller is the one below, who may do everything.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Role(StrEnum):
    OPEN = "OPEN"  # no token needed
    USER = "USER"  # anybody who is known
    PROJECT = "PROJ"  # a member of the owning project
    TENANT = "TEN"  # a member of the owning tenant
    SYSTEM = "SYS"  # the system's administrators


@dataclass(frozen=True, slots=True)
class Principal:
    name: str
    groups: frozenset[str] = frozenset()
    administrator: bool = False


ANYBODY: Final = Principal("anybody", administrator=True)
