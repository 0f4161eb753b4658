"""What an agent wrote down is there again, wherever it was killed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from photon.agent import journal as journal_module
from photon.agent.journal import FileJournal, JournalDamaged, MemoryJournal, by_host


def reopened(path: Path) -> FileJournal:
    return FileJournal(path, fsync=False)


KEYS = st.sampled_from(["a/1", "a/2", "b/1", "b/with space"])
WRITES = st.lists(st.tuples(KEYS, st.none() | st.binary(max_size=8).map(bytes.hex)), max_size=30)


@given(WRITES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_last_value_of_each_key_counts(
    tmp_path: Path, writes: list[tuple[str, str | None]]
) -> None:
    path = tmp_path / "journal"
    path.unlink(missing_ok=True)
    journal, memory = reopened(path), MemoryJournal()
    model: dict[str, bytes] = {}
    for key, text in writes:
        value = None if text is None else text.encode()
        journal.put(key, value)
        memory.put(key, value)
        model.pop(key, None)
        if value is not None:
            model[key] = value
    journal.close()
    assert reopened(path).items() == memory.items() == model


@given(cut=st.integers(1, 40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_line_that_was_cut_short_never_counted(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "journal"
    path.unlink(missing_ok=True)
    journal = reopened(path)
    journal.put("a/1", b"kept")
    whole = path.stat().st_size
    journal.put("a/2", b"x" * 40)
    journal.close()
    with path.open("r+b") as file:
        file.truncate(max(whole, path.stat().st_size - cut))
    again = reopened(path)
    assert again.items() == {"a/1": b"kept"}
    again.put("a/3", b"after")
    again.close()
    assert reopened(path).items() == {"a/1": b"kept", "a/3": b"after"}


def test_a_damaged_file_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b"a/1\tfine\n\xff\xfe\tnot text\n")
    with pytest.raises(JournalDamaged, match="Line 2"):
        reopened(path)
    path.write_bytes(b"a/1\tfine\n\0\0\0\0\n")
    with pytest.raises(JournalDamaged, match="Line 2"):
        reopened(path)


def test_a_file_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = reopened(path)
    for number in range(2 * journal_module.LINES_BEFORE_REWRITE):
        journal.put(f"a/{number % 10}", b"%d" % number)
    assert path.read_bytes().count(b"\n") < journal_module.LINES_BEFORE_REWRITE + 20
    assert len(journal.items()) == 10
    journal.close()


async def test_syncs_at_the_same_time_all_return(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "journal", fsync=True)

    async def write(number: int) -> None:
        journal.put(f"a/{number}", b"x")
        await journal.sync()

    await asyncio.gather(*(write(number) for number in range(50)))
    assert len(journal.items()) == 50
    journal.close()


def test_values_are_found_by_host() -> None:
    assert by_host({"sim-1/vm/a": b"1", "sim-1/tenure": b"2", "sim-2/vm/a": b"3"}) == {
        "sim-1": {"vm/a": b"1", "tenure": b"2"},
        "sim-2": {"vm/a": b"3"},
    }
