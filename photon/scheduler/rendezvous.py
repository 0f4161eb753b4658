"""Which controller each leaf belongs to, so that little moves when one comes or goes.

Rendezvous hashing: of all members, a leaf prefers the one whose name and the leaf's make the
highest hash; so a member that comes takes only leaves that prefer it, and one that goes leaves the
others' alone. Few leaves fall unevenly, so no member takes more than its share and a quarter; what
it would have more goes to the leaf's next choice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from math import ceil
from typing import Final

# Evener costs more movement when a member comes or goes: at a quarter, about a tenth of the leaves
# move beyond those that must.
SURPLUS_SHARE: Final = 0.25
_HASH_BYTES: Final = 8


def divided(leaf_ids: Iterable[str], names: Sequence[str]) -> dict[str, str]:
    """The name for each leaf. `names` are distinct, and there is one at least."""
    leaves = sorted(leaf_ids)
    assert names, "leaves belong to somebody"
    most = ceil(len(leaves) / len(names) * (1 + SURPLUS_SHARE))
    loads: Counter[str] = Counter()
    chosen: dict[str, str] = {}
    for leaf_id in leaves:
        free = [name for name in names if loads[name] < most]
        name = max(free, key=lambda name: (_weight(leaf_id, name), name))
        loads[name] += 1
        chosen[leaf_id] = name
    return chosen


def _weight(leaf_id: str, name: str) -> bytes:
    return blake2b(f"{leaf_id}\n{name}".encode(), digest_size=_HASH_BYTES).digest()
