"""Who owns a host, on which terms and in which mode: remembered when the agent dies."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from photon.agent.fences import refuse_below
from photon.agent.journal import Journal
from photon.domain.guest import AgentRefusal, HostMode, Provision, Refusal


class Tenure(msgspec.Struct, frozen=True):
    """The terms under which a control plane has a host."""

    host_id: str = ""
    mode: HostMode = HostMode.DEPROVISIONED
    cpu_overcommit: float = 1.0
    memory_overcommit: float = 1.0
    allowed_datastores: tuple[str, ...] = ()
    starts: int = 0  # of the agent under this owner; generations grow from it
    fence: int = 0  # the highest that gave or took the host, or changed its mode
    terms_fence: int = 0  # and its terms: those are told to hosts whose mode is being changed

    @property
    def is_owned(self) -> bool:
        return self.mode is not HostMode.DEPROVISIONED


class Ownership:
    """The tenure of one host, and the changes that it may make."""

    __slots__ = ("_journal", "_key", "tenure")

    def __init__(self, address: str, journal: Journal, remembered: bytes | None) -> None:
        self._key = f"{address}/tenure"
        self._journal = journal
        self.tenure = msgspec.json.decode(remembered, type=Tenure) if remembered else Tenure()
        if self.tenure.is_owned:
            self._keep(replace(self.tenure, starts=self.tenure.starts + 1))

    async def take(self, request: Provision) -> bool:
        """Whether the owner is new.

        Refusal OTHER_PLANE while somebody else has the host, STALE_FENCE if its owner has said
        other terms since, or has given it back: who was slow must not take it a second time.
        """
        held = self.tenure
        if held.host_id == request.host_id:
            lowest = held.terms_fence if held.is_owned else max(held.terms_fence, held.fence)
            refuse_below(f"the host {held.host_id}", request.fence, lowest)
        if held.is_owned and held.host_id != request.host_id:
            message = (
                "This host belongs to another control plane, or to this one under another id; "
                "deprovision it there first."
            )
            raise Refusal(AgentRefusal.OTHER_PLANE, message, host_id=held.host_id)
        is_new = not held.is_owned
        self._keep(
            Tenure(
                host_id=request.host_id,
                mode=HostMode.NORMAL if is_new else held.mode,
                cpu_overcommit=request.cpu_overcommit,
                memory_overcommit=request.memory_overcommit,
                allowed_datastores=request.allowed_datastores,
                starts=held.starts + 1 if is_new else held.starts,
                fence=request.fence if is_new else held.fence,
                terms_fence=request.fence,
            )
        )
        await self._journal.sync()
        return is_new

    def check(self, fence: int) -> None:
        """Refusal STALE_FENCE if the host's mode was decided later."""
        refuse_below(f"the host {self.tenure.host_id}", fence, self.tenure.fence)

    async def enter(self, mode: HostMode, fence: int) -> bool:
        """Whether the mode is another one now."""
        held = self.tenure
        if (mode, fence) == (held.mode, held.fence):
            return False
        self._keep(replace(held, mode=mode, fence=fence))
        await self._journal.sync()
        return mode is not held.mode

    def _keep(self, tenure: Tenure) -> None:
        self.tenure = tenure
        self._journal.put(self._key, msgspec.json.encode(tenure))
