"""Errors that only sagas raise: steps show them."""

from __future__ import annotations

from dataclasses import dataclass

from photon.domain.errors import Kind, PhotonError


@dataclass(eq=False)
class HostNotReached(PhotonError):
    """The agent of a host that is being added does not answer."""

    code, kind = "HostProvisionFailed", Kind.UNAVAILABLE
    text = "host {address} was not added. {cause} Delete this host, mend that, and add it again"
    address: str
    cause: str


@dataclass(eq=False)
class HostDeprovisionFailed(PhotonError):
    code, kind = "HostDeprovisionFailed", Kind.UNAVAILABLE
    text = (
        "host {address} was not given back. {cause} If that machine is lost, delete the host once "
        "more: it is then removed without its agent being told"
    )
    address: str
    cause: str


@dataclass(eq=False)
class AgentNotTold(PhotonError):
    """A warning: the change is made, and the agent will hear of it with the next one."""

    code, kind = "InternalError", Kind.UNAVAILABLE
    text = "the host's agent was not told of this: {cause}"
    cause: str


@dataclass(eq=False)
class HostForgotten(PhotonError):
    """A warning: a host was removed without its agent being told."""

    code, kind = "InternalError", Kind.UNAVAILABLE
    text = (
        "the host's agent was not told of this: {cause}. Should the machine come back, what is "
        "left on it is removed, and its agent is told"
    )
    cause: str


@dataclass(eq=False)
class HostsNotTold(PhotonError):
    """A warning: the rest of them were."""

    code, kind = "InternalError", Kind.UNAVAILABLE
    text = (
        "{silent} of {hosts} hosts did not answer; the log names them. Mend them and do this again"
    )
    silent: int
    hosts: int


@dataclass(eq=False)
class HostRefused(PhotonError):
    """A warning: this host would not take the VM or disk, and another one was looked for."""

    code, kind = "InternalError", Kind.CAPACITY
    text = "host {address} did not take it: {cause}"
    address: str
    cause: str
