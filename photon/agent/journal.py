"""What an agent must remember across its own death: small values by key, in one file.

A key names a thing (`sim-00001/vm/<id>`); its last value counts, and none means that it is gone.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

# A file is rewritten when this many lines were added to it, and at least as many as it began
# with: so it stays below twice what it must hold, and rewriting costs less than writing did.
LINES_BEFORE_REWRITE = 100_000

_KEY_END = b"\t"


class JournalDamaged(Exception):
    """A journal's file holds what no journal wrote."""

    def __init__(self, path: Path, line: int) -> None:
        super().__init__(
            f"Line {line} of {path} is damaged. Restore the file from a backup; or move it away, "
            "and the agent starts as on a new host and finds again only what its driver finds."
        )


class Journal(Protocol):
    """Values by key. A key has neither a tab nor a line break, a value no line break."""

    def items(self) -> dict[str, bytes]:
        """All that is remembered; read once, at start."""
        ...

    def put(self, key: str, value: bytes | None) -> None:
        """Safe from the death of this process when it returns. None forgets the key."""
        ...

    async def sync(self) -> None:
        """Safe from the death of the machine too when it returns, if this journal can do so."""
        ...

    def close(self) -> None: ...


def by_host(values: Mapping[str, bytes]) -> dict[str, dict[str, bytes]]:
    """Values whose keys are `host/rest`, as one mapping of `rest` per host."""
    hosts: dict[str, dict[str, bytes]] = {}
    for key, value in values.items():
        host, _, rest = key.partition("/")
        hosts.setdefault(host, {})[rest] = value
    return hosts


class NullJournal:
    """Remembers nothing: for simulated hosts that end with their process."""

    def items(self) -> dict[str, bytes]:
        return {}

    def put(self, key: str, value: bytes | None) -> None: ...
    async def sync(self) -> None: ...
    def close(self) -> None: ...


class MemoryJournal:
    """Outlives the hosts that write to it, but not the process: for tests and simulation."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def items(self) -> dict[str, bytes]:
        return dict(self._values)

    def put(self, key: str, value: bytes | None) -> None:
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value

    async def sync(self) -> None: ...
    def close(self) -> None: ...


class FileJournal:
    """One file of lines, `key TAB value`, appended to and now and then rewritten.

    The caller holds the lock of the directory: two processes must not open one file. With `fsync`
    False a crash of the machine may lose the last seconds, which is good enough for simulated
    hosts. Raises JournalDamaged.
    """

    def __init__(self, path: Path, *, fsync: bool) -> None:
        self._path = path
        self._fsync = fsync
        self._syncing: asyncio.Future[None] | None = None
        self._rewrite(_read(path))

    def items(self) -> dict[str, bytes]:
        return _read(self._path)

    def put(self, key: str, value: bytes | None) -> None:
        line = _line(key, value)
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError(f"only a part of a line could be written to {self._path}")
        except OSError:
            # The part of the line that was written would spoil the next one.
            os.ftruncate(self._file, self._bytes)
            raise
        self._bytes += len(line)
        self._lines += 1
        if self._lines > self._lines_at_rewrite + max(self._lines_at_rewrite, LINES_BEFORE_REWRITE):
            os.close(self._file)
            self._rewrite(_read(self._path))

    async def sync(self) -> None:
        if not self._fsync:
            return
        if self._syncing is not None:
            # The one under way may have begun before our line was written: wait for the next,
            # which all that come now share.
            await asyncio.wait([self._syncing])
        if self._syncing is None or self._syncing.done():
            # A descriptor of its own: a rewrite may close ours meanwhile.
            own = os.dup(self._file)
            loop = asyncio.get_running_loop()
            self._syncing = loop.run_in_executor(None, _fsync_and_close, own)
        await asyncio.shield(self._syncing)

    def close(self) -> None:
        os.close(self._file)

    def _rewrite(self, values: dict[str, bytes]) -> None:
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(_line(key, value) for key, value in values.items())
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(self._path)
        _fsync_directory(self._path.parent)
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._bytes = self._path.stat().st_size
        self._lines = self._lines_at_rewrite = len(values)


def _line(key: str, value: bytes | None) -> bytes:
    assert "\t" not in key, key
    assert "\n" not in key, key
    if value is None:
        return b"%s\n" % key.encode()
    assert b"\n" not in value, key
    return b"%s\t%s\n" % (key.encode(), value)


def _read(path: Path) -> dict[str, bytes]:
    if not path.exists():
        return {}
    values: dict[str, bytes] = {}
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                break  # The last line of a process that was killed while it wrote: never counted.
            key, tab, value = line[:-1].partition(_KEY_END)
            try:
                name = key.decode()
            except UnicodeDecodeError as problem:
                raise JournalDamaged(path, number) from problem
            if not name or "\0" in name:
                raise JournalDamaged(path, number)
            if tab:
                values[name] = value
            else:
                values.pop(name, None)
    return values


def _fsync_and_close(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fsync_directory(directory: Path) -> None:
    _fsync_and_close(os.open(directory, os.O_RDONLY | os.O_DIRECTORY))
