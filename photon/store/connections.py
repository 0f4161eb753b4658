"""How the SQLite file is opened: one connection writes, others only read."""

from __future__ import annotations

import sqlite3
from typing import Final

MEMORY: Final = ":memory:"
CACHE_KIB: Final = 65_536  # Upper levels of every index of a million VMs, in each connection.
STATEMENTS_CACHED: Final = 512  # All that the nouns need: compiling one costs more than running it.
PAGE_BYTES: Final = 8_192  # Six VMs a page. Measured: a third faster to write than 4 or 16 KiB.
CHECKPOINT_PAGES: Final = 2_000  # The log grows to 16 MB before a COMMIT moves it into the file.


def open_writer(path: str) -> sqlite3.Connection:
    connection = _open(path)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a COMMIT that has returned survives a power cut.
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    return connection


def open_reader(path: str) -> sqlite3.Connection:
    """Sees each COMMIT as soon as it has returned, and nothing before."""
    connection = _open(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _open(path: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        timeout=0,  # Nobody else may write: waiting would only hold up the event loop.
        isolation_level=None,  # Transactions are begun and ended in so many words.
        check_same_thread=False,  # COMMIT runs in a worker, never at the same time as others.
        cached_statements=STATEMENTS_CACHED,
    )
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection
