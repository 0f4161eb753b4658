"""What a journal has given to the store is not changed by what it records next."""

from __future__ import annotations

import msgspec

from photon.domain.task import StepRecord, Task
from photon.outside.clock import RealClock
from photon.store.connections import MEMORY
from photon.store.durably import Inline
from photon.store.nouns import NOUNS, TASKS
from photon.store.protocol import Insert
from photon.store.sqlite import SqliteOptions, SqliteStore
from photon.tasks.journal import TaskJournal


async def test_a_result_is_seen_when_it_is_written_and_not_before() -> None:
    clock = RealClock()
    store = SqliteStore(MEMORY, NOUNS, clock, SqliteOptions(durably=Inline()))
    task = Task("t1", "CREATE_VM", "vm", "v1", 1, (StepRecord("A"), StepRecord("B")))
    revision = await store.commit([Insert(TASKS, task)])
    journal = TaskJournal(store, clock, msgspec.structs.replace(task, generation=1), revision)
    await journal.starting("A", "A")
    journal.completed("A", msgspec.Raw(b"1"))
    await journal.flush()
    journal.completed("B", msgspec.Raw(b"2"))
    seen = await store.find(TASKS, "t1")
    assert seen is not None
    assert list(seen.results) == ["A"]
    await journal.flush()
    seen = await store.find(TASKS, "t1")
    assert seen is not None
    assert list(seen.results) == ["A", "B"]
    journal.close()
    await store.close()
