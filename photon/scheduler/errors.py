"""When nothing fits: the contract's codes, with all hosts' reasons in words and as data."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from photon.domain.demand import NoPlacement
from photon.domain.errors import Kind, PhotonError


@dataclass(eq=False)
class NothingFits(PhotonError):
    """Base: `explanation` is the sentence, `refusal` the same as numbers."""

    kind = Kind.CAPACITY
    text = "{explanation}"
    explanation: str
    refusal: NoPlacement

    def wire_data(self) -> dict[str, str]:
        """`hostsAsked`; for each reason its hosts, and what was needed and the best there was;
        `reasons` is the same once more, as JSON, for programs, and `nearest` the host that came
        nearest, with what it lacks."""
        named = {"hostsAsked": str(self.refusal.hosts_asked)}
        for count in self.refusal.reasons:
            named[count.reason] = str(count.hosts)
            if count.needed is not None:
                named[f"{count.reason}.needed"] = str(count.needed)
            if count.best is not None:
                named[f"{count.reason}.best"] = str(count.best)
        named["reasons"] = msgspec.json.encode(self.refusal.reasons).decode()
        if self.refusal.nearest is not None:
            named["nearest"] = msgspec.json.encode(self.refusal.nearest).decode()
        return named


@dataclass(eq=False)
class NoSuchResource(NothingFits):
    """No host is what was asked for, however much room there is."""

    code = "NoSuchResource"


@dataclass(eq=False)
class NodesSilent(NothingFits):
    """Nothing fits of what could be asked; some hosts could not, and any of them may fit."""

    code, kind = "InternalError", Kind.UNAVAILABLE


@dataclass(eq=False)
class NotEnoughCpuResource(NothingFits):
    code = "NotEnoughCpuResource"


@dataclass(eq=False)
class NotEnoughMemoryResource(NothingFits):
    code = "NotEnoughMemoryResource"


@dataclass(eq=False)
class NotEnoughDatastoreCapacity(NothingFits):
    code = "NotEnoughDatastoreCapacity"


@dataclass(eq=False)
class UnfullfillableAffinities(NothingFits):
    """The spelling is the contract's."""

    code, kind = "UnfullfillableAffinities", Kind.INVALID


@dataclass(eq=False)
class UnfullfillableDiskAffinities(NothingFits):
    """The spelling is the contract's."""

    code, kind = "UnfullfillableDiskAffinities", Kind.INVALID
