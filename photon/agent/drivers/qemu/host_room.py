"""One host's part of a shared datastore: its directory there, its lock, and its claims."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from photon.agent.drivers.qemu.claims_file import ClaimsFile, wait_for_lock
from photon.agent.drivers.qemu.commands import on_the_host
from photon.domain.guest import Refusal

CLAIMS_FILE = "claims"
HOSTS_DIRECTORY = "hosts"
_LOCK_FILE = "lock"
_log = logging.getLogger(__name__)


class HostRoom:
    """`host` is the id by which this host's disks are known on the datastore at `root`.

    `ours` has what is claimed and right: what exists, and what is being made. What could not be
    given back is, the next time that `settle` is called.
    """

    def __init__(self, root: Path, host: str) -> None:
        self.directory = root / HOSTS_DIRECTORY / host
        self._host = host
        self._file = ClaimsFile(root / CLAIMS_FILE, root / HOSTS_DIRECTORY)
        self._ours: dict[str, int] = {}
        self._turn = asyncio.Lock()
        self._lock: int | None = None

    @property
    def taken_gib(self) -> int:
        """By all hosts, when it was looked at last."""
        return self._file.seen_gib

    def open(self) -> None:
        """Nobody else may be this host: two agents with copies of one state directory would write
        over each other's disks. Refusal BUSY."""
        self.directory.mkdir(parents=True, exist_ok=True)
        file = os.open(self.directory / _LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            wait_for_lock(file, f"{self.directory}, as if it were this one,")
        except BaseException:
            os.close(file)
            raise
        self._lock = file

    def close(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def look(self) -> None:
        """Sees what others have claimed; what cannot be read now stays what it was."""
        with contextlib.suppress(OSError):
            await asyncio.to_thread(self._file.taken_gib)

    async def find_again(self, disks_gib: Mapping[str, int]) -> None:
        """These are there, and nothing else is: what an earlier life claimed only, is dropped."""
        self._ours = dict(disks_gib)
        await self.settle()

    async def settle(self) -> None:
        """Makes the claims what they should be, and looks what others have. Refusal, or as if the
        host's file system failed."""
        async with self._turn:
            await self._ask(lambda: self._file.keep_only(self._host, self._ours))

    @asynccontextmanager
    async def claimed(self, disks_gib: Mapping[str, int], capacity_gib: int) -> AsyncIterator[None]:
        """Claims room for what the block makes; gives it back if the block fails.

        Raises:
            Refusal: NOT_ENOUGH_DATASTORE; BUSY.
        """
        try:
            async with self._turn:
                await self._ask(lambda: self._file.take(self._host, disks_gib, capacity_gib))
                self._ours.update(disks_gib)
        except asyncio.CancelledError:
            await self.give_back(disks_gib)  # it may have been claimed all the same
            raise
        try:
            yield
        except BaseException:
            await self.give_back(disks_gib)
            raise

    async def give_back(self, disks_gib: Mapping[str, int]) -> None:
        """What the datastore does not take back now, it is told by the next `settle`."""
        async with self._turn:
            for id in disks_gib:
                self._ours.pop(id, None)
            try:
                await self._ask(lambda: self._file.give(self._host, disks_gib))
            except Refusal as problem:
                _log.warning("Claims are given back later: %s", problem)

    async def _ask(self, work: Callable[[], None]) -> None:
        """To its end, also if the caller is cancelled: what was claimed must be known."""

        def whole() -> None:
            with on_the_host("Claiming room on a shared datastore"):
                work()

        asking = asyncio.ensure_future(asyncio.to_thread(whole))
        try:
            await asyncio.shield(asking)
        except asyncio.CancelledError:
            await asyncio.wait([asking])
            raise
