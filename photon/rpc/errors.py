"""What can go wrong between two programs. None of these reaches a user: callers translate them."""

from __future__ import annotations


class CallFailed(Exception):
    """The call has no answer. `may_have_run`: whether the other side may have acted on it."""

    may_have_run: bool

    def __init__(self, message: str, *, may_have_run: bool) -> None:
        super().__init__(message)
        self.may_have_run = may_have_run


class ConnectFailed(CallFailed):
    """No connection could be made, so nothing was sent."""

    def __init__(self, message: str) -> None:
        super().__init__(message, may_have_run=False)


class ConnectionLost(CallFailed):
    """The connection ended before the answer came."""


class CallTimedOut(CallFailed):
    """The answer did not come in time; it may still come, and is then thrown away."""


class PeerFault(CallFailed):
    """The other side answered that it could not serve the call: thrift's TApplicationException."""

    def __init__(self, kind: int, message: str) -> None:
        super().__init__(message, may_have_run=True)
        self.kind = kind


class MalformedMessage(Exception):
    """Bytes that are no message of this protocol: the connection they came on is of no use."""


class BadArguments(Exception):
    """A call that was framed well and asks for what this service cannot take.

    A handler may raise it too; the caller sees a `PeerFault` of kind PROTOCOL_ERROR.
    """


class UnknownMethod(BadArguments):
    """A call of a method that the service does not have."""
