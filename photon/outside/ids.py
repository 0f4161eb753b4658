"""Identifiers, as the control plane takes them from outside."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Protocol

from photon.outside.clock import Clock

RANDOM_BYTES_A_DRAW = 4096  # One call to the kernel serves 409 ids.
_RANDOM_DIGITS = 20
# The variant is the first two bits of the random part; the digit keeps its other two.
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_SEQUENCE_BITS = 12
_SEQUENCES = tuple([f"7{number:03x}-" for number in range(1 << _SEQUENCE_BITS)])


class Ids(Protocol):
    """Names new things."""

    def new(self) -> str:
        """A lowercase UUID that was never given before and sorts after all given earlier."""
        ...


class TimeOrderedIds:
    """UUID version 7 (RFC 9562, section 5.7): rows made together lie together in every index.

    Within one millisecond the 12 bits of rand_a count up, so ids of one process always ascend.
    """

    def __init__(self, clock: Clock, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._random_bytes = random_bytes
        self._pool = ""  # random bytes in hexadecimal digits
        self._at = 0
        self._last_ms = 0
        self._time = ""  # `_last_ms`, as an id begins with it
        self._sequence = 0

    def new(self) -> str:
        now_ms = self._clock.now_ms()
        if now_ms > self._last_ms:
            self._begin(now_ms)
        else:
            self._sequence += 1
            if self._sequence >> _SEQUENCE_BITS:
                self._begin(self._last_ms + 1)
        pool, at = self._pool, self._at
        if at + _RANDOM_DIGITS > len(pool):
            pool, at = self._random_bytes(RANDOM_BYTES_A_DRAW).hex(), 0
            self._pool = pool
        self._at = at + _RANDOM_DIGITS
        return (
            f"{self._time}{_SEQUENCES[self._sequence]}"
            f"{_VARIANT[pool[at]]}{pool[at + 1 : at + 4]}-{pool[at + 4 : at + 16]}"
        )

    def _begin(self, ms: int) -> None:
        self._last_ms, self._sequence = ms, 0
        self._time = f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-"
