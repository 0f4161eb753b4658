"""What was answered to a POST that named an Idempotency-Key."""

from __future__ import annotations

import msgspec


class IdempotentAnswer(msgspec.Struct, frozen=True):
    """`id` is the hash of the principal, the route and the key."""

    id: str
    body_hash: str
    status: int
    answer: bytes
    at_ms: int
    generation: int = 0
