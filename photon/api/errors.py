"""Which HTTP status an error has, and how it is written (contract, 1.1 and section 5)."""

from __future__ import annotations

from typing import Final

from photon.api.edge_errors import (
    RequestTimeout,
    RequestTooLarge,
    StoreAway,
    StoreAwayMidway,
    TooManyWatchers,
)
from photon.domain.error_catalogue import (
    OutOfThreadPoolWorker,
    QuotaError,
)
from photon.domain.errors import Kind, PhotonError, code_of
from photon.domain.quota import QuotaUnit, in_unit
from photon.store.errors import QuotaExceeded
from photon.wire.v1.basics import ApiError

STATUS_OF_KIND: Final[dict[Kind, int]] = {
    Kind.INVALID: 400,
    Kind.UNAUTHENTICATED: 401,
    Kind.DENIED: 403,
    Kind.NOT_FOUND: 404,
    Kind.CONFLICT: 400,
    Kind.CAPACITY: 400,
    Kind.UNAVAILABLE: 503,
    Kind.BUG: 500,
}

# Where the code says more than its kind does.
STATUS_OF_CODE: Final[dict[str, int]] = {
    "AuditUnderWay": 429,
    "HostDeprovisionFailed": 500,
    "HostProvisionFailed": 500,
    "IdempotencyKeyReused": 422,
    "MethodNotAllowed": 405,
    "RequestTimeout": 408,
    "RequestTooLarge": 413,
    "RevisionGone": 410,
    "UnsupportedMediaType": 415,
}


def status_of(error: PhotonError) -> int:
    return STATUS_OF_CODE.get(code_of(error), STATUS_OF_KIND[error.kind])


def view(error: PhotonError) -> ApiError:
    record = error.to_record()
    return ApiError(record["code"], record["message"], record["data"])


_SAY_WHEN = (OutOfThreadPoolWorker, StoreAway, StoreAwayMidway, TooManyWatchers)


def headers_of(error: PhotonError) -> dict[str, str]:
    if isinstance(error, _SAY_WHEN):
        return {"retry-after": str(error.retry_after_seconds)}
    if isinstance(error, RequestTimeout | RequestTooLarge):
        return {"connection": "close"}  # Else the rest of the body would still have to be read.
    return {}


def quota_error(refused: QuotaExceeded) -> QuotaError:
    """The store's refusal, said in the unit in which the limit was set."""
    unit = QuotaUnit(refused.unit)

    def line(base: float) -> str:
        return f"{refused.key}, {in_unit(base, unit):.15g}, {unit}"

    return QuotaError(
        limit=line(refused.limit),
        usage=line(refused.usage),
        new_usage=line(refused.usage + refused.amount),
    )
