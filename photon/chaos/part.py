"""What chaos can break: the parts of a cloud, each with its processes."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    CONTROLLER = "controller"
    AGENT = "agent"
    ZOOKEEPER = "zookeeper"
    POSTGRES = "postgres"
    HAPROXY = "haproxy"


class Part(Protocol):
    """One of the cloud's programs, with the processes that belong to it. All calls block."""

    @property
    def name(self) -> str: ...

    @property
    def kind(self) -> Kind: ...

    def runs(self) -> bool:
        """Frozen or not."""
        ...

    def start(self) -> None:
        """Returns when it is ready; one that runs is left alone.

        Raises:
            PartFailed: it ended, or was not ready in time.
        """
        ...

    def stop(self) -> None:
        """Asks it to end, and returns when it has."""
        ...

    def kill(self) -> None:
        """kill -9 of all that is of it; returns when nothing is left."""
        ...

    def freeze(self) -> None:
        """It neither runs nor answers, and nobody's connection to it ends."""
        ...

    def thaw(self) -> None: ...

    def words(self) -> str:
        """The end of its log."""
        ...


class PartFailed(Exception):
    """A part of the cloud did not start, with what it said."""
