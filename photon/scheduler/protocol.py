"""A node of the scheduler tree, as its parent and the sagas see it.

Root, branches and leaves answer the same calls. A node knows only its direct children; a leaf's
children are hosts.
"""

from __future__ import annotations

from typing import Protocol

from photon.domain.demand import Demand, NoPlacement, Placement
from photon.domain.fits import Fits
from photon.scheduler.summary import Summary


class SchedulerNode(Protocol):
    async def place(self, demand: Demand) -> Placement | NoPlacement:
        """Chooses a host and holds the demand there until `confirm`, `release` or the lease's end.

        Asked again for a demand that is held already, it answers the same placement and the lease
        begins again; unless `demand.hosts_excluded` names its host, which is then given back.
        With `demand.dry_run`, the same answer, and nothing is held or remembered.
        """
        ...

    async def fits(self, demand: Demand) -> Fits:
        """How many more of this demand there is room for; `demand.id` and its rules do not matter.

        Nothing is held. It looks at every host that could take it: for people, not for placing.
        """
        ...

    async def hold(self, demand: Demand, placement: Placement) -> None:
        """Holds what a journal says was placed, after a restart; room or not: a guest may exist."""
        ...

    async def confirm(self, demand: Demand, placement: Placement) -> None:
        """The host has it now: the hold becomes use, until the host's reports say otherwise."""
        ...

    async def release(self, demand_id: str, host_id: str) -> None:
        """Gives back a hold, or what was confirmed and is deleted now. Nothing held is success."""
        ...

    async def refused(self, placement: Placement, reason: str) -> None:
        """The host said no (`reason`: an AgentRefusal): what this node believed of it was wrong.

        Also releases the hold. A host that lacked room is believed to have less, one that refused
        otherwise is left out for demands of that shape, until its next report or for a short time.
        """
        ...


class ChildNode(SchedulerNode, Protocol):
    """What a parent needs besides. Neither call waits: each tells what is known here."""

    def summary(self) -> Summary: ...

    def owns(self, host_id: str) -> bool: ...
