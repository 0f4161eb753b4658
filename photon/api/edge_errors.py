"""What is wrong with a request before any handler sees it, or whatever the handler does."""

from __future__ import annotations

from dataclasses import dataclass

from photon.domain.errors import Kind, PhotonError


@dataclass(eq=False)
class MethodNotAllowed(PhotonError):
    code, kind = "MethodNotAllowed", Kind.INVALID
    text = "{path} does not answer {method}; it answers {allowed}"
    method: str
    path: str
    allowed: str


@dataclass(eq=False)
class UnsupportedMediaType(PhotonError):
    code, kind = "UnsupportedMediaType", Kind.INVALID
    text = "a body of type '{content_type}' is not understood here; send {expected}"
    content_type: str
    expected: str


@dataclass(eq=False)
class RequestTooLarge(PhotonError):
    code, kind = "RequestTooLarge", Kind.INVALID
    text = "the body is larger than the {limit_bytes} bytes that this route takes; send less"
    limit_bytes: int


@dataclass(eq=False)
class RequestTimeout(PhotonError):
    code, kind = "RequestTimeout", Kind.INVALID
    text = "the body did not arrive within {limit_seconds:g} s; send it without pauses"
    limit_seconds: float


@dataclass(eq=False)
class InvalidIdempotencyKey(PhotonError):
    code, kind = "InvalidEntity", Kind.INVALID
    text = "an Idempotency-Key has 1 to {length_max} printable ASCII characters; take a UUID"
    length_max: int


@dataclass(eq=False)
class RevisionGone(PhotonError):
    code, kind = "RevisionGone", Kind.NOT_FOUND
    text = (
        "changes since revision {since} are not known here, those since {oldest} are; list again, "
        "and watch from the Photon-Revision of that list's first page"
    )
    since: int
    oldest: int


@dataclass(eq=False)
class TooManyWatchers(PhotonError):
    code, kind = "TooManyWatchers", Kind.UNAVAILABLE
    text = "this controller already tells {limit} watchers; watch at another one, or later"
    limit: int
    retry_after_seconds: int = 5


@dataclass(eq=False)
class StoreAway(PhotonError):
    """As while PostgreSQL has no primary: that takes half a minute at most."""

    code, kind = "OutOfThreadPoolWorker", Kind.UNAVAILABLE
    text = "the store does not answer, and nothing was done; try again in {retry_after_seconds} s"
    retry_after_seconds: int = 2


@dataclass(eq=False)
class StoreAwayMidway(PhotonError):
    """It went away in the middle of a commit, and was away for too long to be asked."""

    code, kind = "OutOfThreadPoolWorker", Kind.UNAVAILABLE
    text = (
        "the store went away in the middle of it: it may have been done, or not. Look before you "
        "try again, or send the same Idempotency-Key, in {retry_after_seconds} s"
    )
    retry_after_seconds: int = 2
