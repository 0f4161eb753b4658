"""One private PostgreSQL server for all tests of a worker; each test has a schema of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from photon.devbox.postgres import FORGETFUL, PrivatePostgres


@pytest.fixture(scope="session")
def postgres() -> Iterator[PrivatePostgres]:
    # Not below pytest's folder: that is root's alone, and its path is long.
    with tempfile.TemporaryDirectory(prefix="photon-pg-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        server = PrivatePostgres(Path(folder) / "server", FORGETFUL)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.remove()
