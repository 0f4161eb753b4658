"""What an agent's no means to the caller of the API (contract, 3.1, 3.2 and 5.2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from photon.domain.error_catalogue import HostHasVms, InvalidVmState
from photon.domain.errors import Kind, PhotonError
from photon.domain.guest import AgentRefusal, Refusal

# What to do about a VM that is in the wrong state, by what was asked.
_POWER_ADVICE: Final[Mapping[str, str]] = {
    "DELETE_VM": "it is not powered off; stop it first",
    "ATTACH_DISK": "it is suspended; resume it first",
    "DETACH_DISK": "it is suspended; resume it first",
    "CREATE_VM_IMAGE": "it is not powered off; stop it first",
    "GET_MKS_TICKET": "it is not powered on; start it first",
}
_WRONG_STATE: Final = frozenset({AgentRefusal.NOT_POWERED_OFF, AgentRefusal.WRONG_POWER_STATE})


@dataclass(eq=False)
class NotDone(PhotonError):
    """What the contract has no code of its own for: it shows as InternalError (5.2)."""

    code, kind, text = "InternalError", Kind.CONFLICT, "{problem}"
    id: str
    problem: str


@contextmanager
def explained(operation: str, vm_id: str) -> Iterator[None]:
    """Turns a `Refusal` into the error that the contract has for it."""
    try:
        yield
    except Refusal as refusal:
        raise error_of(refusal, operation, vm_id) from refusal


def error_of(refusal: Refusal, operation: str, vm_id: str) -> PhotonError:
    advice = _POWER_ADVICE.get(operation)
    if refusal.code in _WRONG_STATE and advice is not None:
        state = refusal.facts.get("state", "in another state")
        return InvalidVmState(id=vm_id, state=state, advice=advice)
    if refusal.code is AgentRefusal.HOST_HAS_GUESTS:
        return HostHasVms(id=vm_id, vm_count=int(refusal.facts.get("guests", "1")))
    return NotDone(id=vm_id, problem=f"the host refuses {operation}: {refusal.message}")
