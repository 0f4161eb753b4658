"""All that is left to chance in a simulation, from one seed."""

from __future__ import annotations

from hashlib import blake2b
from random import Random
from typing import Final

SEED_BYTES: Final = 16  # As much as Python's generator is usually seeded with.


class Chance:
    """A stream of its own for each name: what one part draws changes nothing for the others."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def stream(self, name: str) -> Random:
        """Asked again by the same name, a stream that begins again."""
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=SEED_BYTES).digest()
        return Random(int.from_bytes(digest))
