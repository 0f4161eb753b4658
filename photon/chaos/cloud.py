"""The cloud that is broken, as chaos sees it: its parts, and where its clients ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from photon.chaos.part import Part


class Cloud(Protocol):
    @property
    def parts(self) -> Sequence[Part]: ...

    @property
    def url(self) -> str:
        """Of the API, as its clients reach it: through the balancer, if there is one."""
        ...

    @property
    def ca_file(self) -> str | None:
        """PEM; what has signed that address' certificate."""
        ...

    @property
    def controllers(self) -> Mapping[str, str]:
        """Each controller's own address, by the name of its part."""
        ...

    @property
    def lease_seconds(self) -> float:
        """A controller that is silent for so long is dead."""
        ...

    def leaders(self) -> frozenset[str]:
        """The names of the parts that lead the others of their kind now, as far as one can tell.

        PostgreSQL's primary, ZooKeeper's leader, the controllers' chairman. Blocks.
        """
        ...

    def lacks(self) -> str | None:
        """What still keeps it from bearing one more fault, in words; None: nothing. Blocks.

        A standby that has not caught up, for example: no client notices, until the primary dies.
        """
        ...
