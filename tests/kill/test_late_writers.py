"""A process is stopped for longer than its lease, and goes on: the store takes nothing of it.

Real processes on a real PostgreSQL. Its calls to agents: tests/agent/test_late_calls.py.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from typing import Any, Final

import msgspec
import pytest

from photon.coordination.in_store import StoreCoordination
from photon.coordination.protocol import CONTROLLER
from photon.coordination.terms import LeaseTerms
from photon.devbox.postgres import PrivatePostgres
from photon.domain.member import Member
from photon.domain.missing_host import MissingHost
from photon.outside.clock import RealClock
from photon.reconcilers.incumbency import Incumbency
from photon.store.nouns import LEAVES, MEMBERS, MISSING_HOSTS, NOUNS, SEATS, TASKS, TOPOLOGY
from photon.store.opening import open_store
from photon.store.protocol import CloudStore, Insert, Noun, Update
from tests.kill.late_writer import HOST, LEAF, ME, OFFICE, TASK
from tests.store.conftest import postgres
from tests.store.postgres_rig import new_schema

__all__ = ["postgres"]

pytestmark = pytest.mark.slow

LEASE_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 60.0
HEIR: Final = "heir"
UNCOUNTED: Final = frozenset({MEMBERS.name})  # The heir's own heartbeat goes on.

# By what each late write is refused. Where there is no error, it is told that nothing was done.
REFUSALS: Final = {
    "journal": "LostOwnership",
    "end of a task": "LostOwnership",
    "adoption": "StaleGeneration",
    "duty of the office": "RequirementFailed",
    "office": "RequirementFailed",
    "topology": "StaleGeneration",
    "leaf": "StaleGeneration",
    "seat": "StaleGeneration",
    "host is back": "PermissionError",
    "host is missing": "RequirementFailed",
    "another's end": "StaleGeneration",
    "own heartbeat": "PermissionError",
}


@pytest.fixture
async def url(postgres: PrivatePostgres) -> str:
    return await new_schema(postgres)


@pytest.fixture
async def heir(url: str) -> AsyncIterator[tuple[CloudStore, StoreCoordination]]:
    store = await open_store(url, NOUNS, RealClock())
    terms = LeaseTerms(LEASE_SECONDS)
    coordination = StoreCoordination(store, RealClock(), terms, lambda: None, sole=False)
    await coordination.join(Member(HEIR, HEIR, CONTROLLER, ""))
    yield store, coordination
    await coordination.leave()
    await store.close()


async def test_every_late_write_of_a_frozen_controller_is_refused(
    url: str, heir: tuple[CloudStore, StoreCoordination]
) -> None:
    store, coordination = heir
    frozen = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.kill.late_writer", url, str(LEASE_SECONDS)),
        stdin=PIPE,
        stdout=PIPE,
    )
    try:
        assert await _line_of(frozen) == {"ready": True}
        frozen.send_signal(signal.SIGSTOP)
        leadership = coordination.campaign(OFFICE)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await leadership.wait()  # Its predecessor is off the list by then.
        assert await coordination.is_gone(ME)
        await Incumbency(store, leadership, HEIR).condition()
        await _inherit(store)
        before = await _all_rows(store)
        assert frozen.stdin is not None
        frozen.stdin.write(b"go on\n")
        frozen.send_signal(signal.SIGCONT)
        assert await _line_of(frozen) == REFUSALS
        assert await _all_rows(store) == before
    finally:
        if frozen.returncode is None:
            frozen.kill()
        await frozen.communicate()


async def _inherit(store: CloudStore) -> None:
    replace = msgspec.structs.replace
    task, topology = await store.find(TASKS, TASK), (await _rows(store, TOPOLOGY))[0]
    leaf, seat = await store.find(LEAVES, LEAF), await store.find(SEATS, HOST)
    assert task is not None
    assert leaf is not None
    assert seat is not None
    await store.commit(
        [
            Update(TASKS, replace(task, owner=HEIR)),
            Update(TOPOLOGY, replace(topology, chairman=HEIR)),
            Update(LEAVES, replace(leaf, owner=HEIR)),
            Update(SEATS, replace(seat, next_leaf_id="leaf-2")),
            Insert(MISSING_HOSTS, MissingHost(HOST, 1, "it was silent for the heir")),
        ]
    )


async def _rows(store: CloudStore, noun: Noun[Any]) -> list[Any]:
    return (await store.page(noun, {}, limit=100)).items


async def _all_rows(store: CloudStore) -> dict[str, list[Any]]:
    return {noun.name: await _rows(store, noun) for noun in NOUNS if noun.name not in UNCOUNTED}


async def _line_of(process: Process) -> Any:
    assert process.stdout is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        line = await process.stdout.readline()
    return msgspec.json.decode(line)
