"""Why a call of an agent has no answer. An agent's own no is a `Refusal`, and no error here."""

from __future__ import annotations

from dataclasses import dataclass

from photon.domain.errors import Kind, PhotonError


@dataclass(eq=False)
class AgentUnreachable(PhotonError):
    """No answer, after all tries. Whether the agent acted is unknown: ask again, or look."""

    endpoint: str
    operation: str
    reason: str

    code = "InternalError"
    kind = Kind.UNAVAILABLE
    text = (
        "The agent at {endpoint} gave no answer to {operation}: {reason}. Check that its host is "
        "up, that the agent runs there, and that this address can be reached; then try again."
    )


@dataclass(eq=False)
class AgentFaulty(PhotonError):
    """The agent answered, but not as agreed: one of the two programs is wrong or too old."""

    endpoint: str
    operation: str
    reason: str

    code = "InternalError"
    kind = Kind.BUG
    text = (
        "The agent at {endpoint} could not serve {operation}: {reason}. Compare its version with "
        "the controller's, and look at its log."
    )
