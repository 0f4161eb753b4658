"""The claims on a shared datastore: one file on it, of lines of one length, under one lock.

A line is written when a disk is claimed and blanked when it is given back; lines never move, so
nothing is ever rewritten that somebody else relies on. A line that was torn by a crash was not
acted upon yet, or not any more: it fails its checksum and counts as blank. The file is opened anew
for each call and read under its lock, which is when NFS, too, shows what others wrote to it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple
from zlib import crc32

from photon.agent.claims import check_room
from photon.domain.guest import AgentRefusal, Refusal

LINE_BYTES: Final = 128  # A host's id, a disk's, GiB and a checksum are 121 at most.
_BLANK: Final = b" " * (LINE_BYTES - 1) + b"\n"
# Held for some milliseconds each. The kernel lets go of a dead process's lock at once, an NFS
# server of a dead machine's after its lease, mostly 90 s: until then, disks are made elsewhere.
LOCK_TRIES_MAX: Final = 200
LOCK_PAUSE_SECONDS: Final = 0.05  # So ten seconds in all: less than a caller's patience.
# Twice what fills the largest file systems with the smallest disks; a file of 128 MiB is no claims.
LINES_MAX: Final = 1 << 20


class _Claim(NamedTuple):
    host: str
    disk_id: str
    gib: int

    def line(self) -> bytes:
        text = f"{self.host} {self.disk_id} {self.gib}".encode()
        line = b"%s %08x" % (text, crc32(text))
        assert len(line) < LINE_BYTES, "ids are bounded where they come in"
        return line.ljust(LINE_BYTES - 1) + b"\n"


class ClaimsFile:
    """See `DatastoreClaims`. `hosts` has a directory for each host that has anything here.

    Calls wait for the lock and the disk: not for an event loop. All raise OSError too.
    """

    def __init__(self, path: Path, hosts: Path) -> None:
        self._path = path
        self._hosts = hosts
        self.seen_gib = 0  # taken by all hosts when it was looked at last

    def take(self, host: str, disks_gib: Mapping[str, int], capacity_gib: int) -> None:
        with self._locked() as lines:
            own = {claim.disk_id for claim in lines.claims.values() if claim.host == host}
            new = {id: gib for id, gib in disks_gib.items() if id not in own}
            wanted_gib = sum(new.values())
            if wanted_gib > capacity_gib - lines.taken_gib():
                self._drop_the_gone(lines)
            check_room(wanted_gib, capacity_gib - lines.taken_gib())
            lines.add([_Claim(host, id, gib) for id, gib in new.items()])

    def give(self, host: str, disk_ids: Iterable[str]) -> None:
        gone = frozenset(disk_ids)
        with self._locked() as lines:
            lines.blank(at for at, it in lines.of(host) if it.disk_id in gone)

    def keep_only(self, host: str, disks_gib: Mapping[str, int]) -> None:
        with self._locked() as lines:
            mine = lines.of(host)
            right = {it.disk_id: at for at, it in mine if disks_gib.get(it.disk_id) == it.gib}
            lines.blank(at for at, it in mine if right.get(it.disk_id) != at)
            missing = [id for id in disks_gib if id not in right]
            lines.add([_Claim(host, id, disks_gib[id]) for id in missing])

    def taken_gib(self) -> int:
        """Without the lock, so that it waits for nobody: a line that is being written is blank."""
        file = os.open(self._path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self.seen_gib = _Lines(file).taken_gib()
        finally:
            os.close(file)
        return self.seen_gib

    def _drop_the_gone(self, lines: _Lines) -> None:
        """Somebody removed the directory of a host that will not come back, and so its disks."""
        hosts = {claim.host for claim in lines.claims.values()}
        gone = {host for host in hosts if not (self._hosts / host).exists()}
        lines.blank(at for at, claim in list(lines.claims.items()) if claim.host in gone)

    @contextmanager
    def _locked(self) -> Iterator[_Lines]:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            wait_for_lock(file, f"the claims on {self._path.parent}")
            lines = _Lines(file)
            yield lines
            self.seen_gib = lines.taken_gib()
        finally:
            os.close(file)  # and with it the lock


class _Lines:
    """The file's content while it is locked; what is changed is on the disk when a call returns."""

    def __init__(self, file: int) -> None:
        self._file = file
        self.claims: dict[int, _Claim] = {}  # by the number of its line
        content = os.pread(file, LINES_MAX * LINE_BYTES, 0)
        # What a crash left of a line at the end is overwritten by the next one.
        self._lines = len(content) // LINE_BYTES
        for number in range(self._lines):
            claim = _read(content[number * LINE_BYTES : (number + 1) * LINE_BYTES])
            if claim is not None:
                self.claims[number] = claim

    def taken_gib(self) -> int:
        return sum(claim.gib for claim in self.claims.values())

    def of(self, host: str) -> list[tuple[int, _Claim]]:
        return [(at, claim) for at, claim in self.claims.items() if claim.host == host]

    def add(self, claims: list[_Claim]) -> None:
        if not claims:
            return
        free = (number for number in range(LINES_MAX) if number not in self.claims)
        for claim in claims:
            number = next(free, None)
            if number is None:
                message = "The shared datastore's file of claims is full; delete some disks."
                raise Refusal(AgentRefusal.NOT_ENOUGH_DATASTORE, message)
            self._write(number, claim.line())
            self.claims[number] = claim
        os.fsync(self._file)

    def blank(self, numbers: Iterable[int]) -> None:
        gone = list(numbers)
        for number in gone:
            self._write(number, _BLANK)
            del self.claims[number]
        if gone:
            os.fsync(self._file)

    def _write(self, number: int, line: bytes) -> None:
        if os.pwrite(self._file, line, number * LINE_BYTES) != LINE_BYTES:
            raise OSError("only a part of a claim could be written")


def wait_for_lock(file: int, what: str) -> None:
    """Holds it until the file is closed. Refusal BUSY when others hold it for too long."""
    for _ in range(LOCK_TRIES_MAX):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return
    raise Refusal(AgentRefusal.BUSY, f"Another host holds {what} for too long; try again.")


def _read(line: bytes) -> _Claim | None:
    try:
        host, disk_id, gib, checksum = line.decode("ascii").split()
        if int(checksum, 16) == crc32(f"{host} {disk_id} {gib}".encode()):
            return _Claim(host, disk_id, int(gib))
    except ValueError:
        return None  # blank, or torn
    return None
