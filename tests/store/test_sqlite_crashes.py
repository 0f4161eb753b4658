"""kill -9 and a full disk: what was acknowledged is there, the rest whole or absent."""

from __future__ import annotations

import random
from pathlib import Path

from tests.store.killing import check, run_and_kill

ROUNDS = 5


async def test_what_a_killed_writer_acknowledged_is_there_and_nothing_is_half_there(
    tmp_path: Path,
) -> None:
    path, chance = str(tmp_path / "store.db"), random.Random(11)
    acknowledged: set[str] = set()
    for start in range(0, ROUNDS * 1_000_000, 1_000_000):
        said = run_and_kill(path, start, chance.randrange(50, 600))
        acknowledged |= {f"{int(line):08}" for line in said}
        await check(path, acknowledged)


async def test_a_full_disk_refuses_and_more_room_is_used(tmp_path: Path) -> None:
    path = str(tmp_path / "store.db")
    said = run_and_kill(path, 0, 3_000, str(1 << 20))
    assert said.index("full") > 0, "it began with room, and then had none"
    await check(path, {f"{int(line):08}" for line in said if line != "full"})
