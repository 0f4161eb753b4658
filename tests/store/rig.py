"""What the contract needs of a store under test.

An implementation's own test file makes a `Rig` in a fixture called `rig` (a fresh store that keeps
`things.NOUNS`), and subclasses the classes of the `contract_*.py` beside this file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from photon.store.protocol import CloudStore
from tests.store.things import PARTS, THINGS

WRITERS = 200  # At once: several groups, and many in each.


class Rig(Protocol):
    """A store under test, and how to open it anew."""

    @property
    def store(self) -> CloudStore: ...

    async def reopen(self) -> CloudStore:
        """Closes the store and opens what it kept. Becomes `self.store`."""
        ...


async def everything(store: CloudStore, owners: Sequence[str] = ("o1",)) -> Any:
    """All that a reader can see."""
    return (
        (await store.page(THINGS, {}, limit=500)).items,
        (await store.page(PARTS, {}, limit=500)).items,
        [await store.quota(owner) for owner in owners],
        await store.revision(),
    )
