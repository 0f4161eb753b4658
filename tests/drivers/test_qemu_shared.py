"""Hosts with QEMU that share a datastore: the contract, deaths while they race, and mistakes."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec
import pytest

from photon.agent.drivers.qemu import claims_file
from photon.agent.drivers.qemu.claims_file import LINE_BYTES, ClaimsFile
from photon.agent.drivers.qemu.datastore import open_datastore
from photon.agent.drivers.qemu.mounts import check_locks_are_seen
from photon.agent.drivers.qemu.settings import DatastoreSettings
from photon.domain.guest import AgentRefusal, GuestDisk, ImageSource
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from tests.drivers.arrange import refused
from tests.drivers.qemu_rig import QemuRig, settings_for
from tests.drivers.shared_contract import SharedContract
from tests.drivers.sharing_agent import PARTS, sharing

BLANK_MEMORY_MIB = 32
KILLS = 3
MADE_BEFORE_A_KILL = 4


class QemuPair:
    def __init__(self, one: QemuRig, other: QemuRig) -> None:
        self.one, self.other = one, other


def rig_at(directory: Path, common: Path, image: ImageSource) -> QemuRig:
    stores = (DatastoreSettings("nas", common, shared=True),)
    return QemuRig(settings_for(directory, datastores=stores), image, memory_mib=BLANK_MEMORY_MIB)


class TestQemuHostsShareADatastore(SharedContract):
    @pytest.fixture
    async def pair(self, tmp_path: Path, blank_image: ImageSource) -> AsyncIterator[QemuPair]:
        rigs = [rig_at(tmp_path / name, tmp_path / "nas", blank_image) for name in ("1", "2")]
        for rig in rigs:
            await rig.open()
        yield QemuPair(*rigs)
        for rig in rigs:
            await rig.close()


def claims_at(directory: Path) -> ClaimsFile:
    (directory / "hosts" / "h1").mkdir(parents=True, exist_ok=True)
    (directory / "hosts" / "h2").mkdir(exist_ok=True)
    return ClaimsFile(directory / "claims", directory / "hosts")


# --- the file of claims --------------------------------------------------------------------------


def test_claims_are_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    claims = claims_at(tmp_path)
    claims.take("h1", {"a": 4, "b": 0}, 10)
    with refused(AgentRefusal.NOT_ENOUGH_DATASTORE):
        claims.take("h2", {"c": 3, "d": 4}, 10)
    assert claims.taken_gib() == 4
    claims.take("h1", {"a": 4, "e": 1}, 10)
    assert claims.taken_gib() == 5
    claims.take("h2", {"a": 5}, 10)
    claims.give("h1", ["a", "unknown"])
    assert claims.taken_gib() == 6
    claims.keep_only("h2", {"a": 5, "f": 70})
    claims.keep_only("h1", {})
    assert claims.taken_gib() == 75


def test_lines_are_used_again_so_that_the_file_does_not_grow(tmp_path: Path) -> None:
    claims = claims_at(tmp_path)
    for number in range(20):
        claims.take("h1", {f"disk-{number}": 1}, 1)
        claims.give("h1", [f"disk-{number}"])
    assert (tmp_path / "claims").stat().st_size == LINE_BYTES


@pytest.mark.parametrize("keep_bytes", [1, 40, LINE_BYTES - 1])
def test_a_line_that_was_torn_by_a_crash_is_no_claim(tmp_path: Path, keep_bytes: int) -> None:
    claims, path = claims_at(tmp_path), tmp_path / "claims"
    claims.take("h1", {"a": 4}, 10)
    claims.take("h1", {"b": 4}, 10)
    os.truncate(path, LINE_BYTES + keep_bytes)
    assert claims.taken_gib() == 4
    claims.take("h2", {"c": 6}, 10)
    assert claims.taken_gib() == 10
    path.write_bytes(path.read_bytes().replace(b"h2 c 6", b"h2 c 2"))
    assert claims.taken_gib() == 4


def test_claims_of_a_host_whose_directory_was_removed_end(tmp_path: Path) -> None:
    claims = claims_at(tmp_path)
    claims.take("h1", {"a": 8}, 10)
    with refused(AgentRefusal.NOT_ENOUGH_DATASTORE):
        claims.take("h2", {"b": 8}, 10)
    (tmp_path / "hosts" / "h1").rmdir()
    claims.take("h2", {"b": 8}, 10)
    assert claims.taken_gib() == 8


def test_who_cannot_get_the_lock_says_so_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_file, "LOCK_PAUSE_SECONDS", 0.0)  # what counts is that it ends
    claims = claims_at(tmp_path)
    claims.take("h1", {"a": 1}, 10)
    with (tmp_path / "claims").open("r+b") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with refused(AgentRefusal.BUSY):
            claims.take("h2", {"b": 1}, 10)
        assert claims.taken_gib() == 1
    claims.take("h2", {"b": 1}, 10)


# --- agents --------------------------------------------------------------------------------------


@contextmanager
def agent(directory: Path, common: Path, seed: int) -> Iterator[IO[str]]:
    """What it says, until it is killed at the end of the block."""
    command = [sys.executable, "-m", "tests.drivers.sharing_agent"]
    with subprocess.Popen(
        [*command, str(directory), str(common), str(seed)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout
        finally:
            process.kill()


def heard(said: IO[str], wanted: str, times: int) -> None:
    for line in said:
        times -= line.startswith(wanted)
        if times <= 0:
            return
    raise AssertionError(f"the agent ended before it said {wanted!r} so often")


def lying_on(common: Path) -> int:
    """GiB, by the disks' own records."""
    records = [path.read_bytes() for path in common.glob("hosts/*/disks/*/disk.json")]
    return sum(msgspec.json.decode(each, type=GuestDisk).capacity_gib for each in records)


@pytest.mark.slow
async def test_agents_that_race_and_are_killed_never_overfill_and_leak_nothing(
    tmp_path: Path, qemu: None
) -> None:
    common = tmp_path / "nas"
    common.mkdir()
    room = os.statvfs(common)
    capacity_gib = room.f_blocks * room.f_frsize >> 30
    with agent(tmp_path / "1", common, 1) as survivor:
        heard(survivor, "open", 1)
        for seed in range(KILLS):
            with agent(tmp_path / "2", common, seed) as doomed:
                heard(doomed, "made", MADE_BEFORE_A_KILL)
                heard(doomed, "refused", 1)
                heard(survivor, "made", 1)
                assert ClaimsFile(common / "claims", common / "hosts").taken_gib() <= capacity_gib
        assert lying_on(common) <= capacity_gib
    drivers = [sharing(tmp_path / name, common) for name in ("1", "2")]
    for driver in drivers:
        await driver.open(lambda vm_id: None)
    taken_gib = ClaimsFile(common / "claims", common / "hosts").taken_gib()
    disks = [disk for driver in drivers for disk in await driver.disks()]
    assert taken_gib == sum(disk.capacity_gib for disk in disks) == lying_on(common)
    assert len(disks) <= PARTS
    for driver in drivers:
        await driver.close()


async def test_a_directory_is_shared_for_all_or_for_none(tmp_path: Path) -> None:
    ids = TimeOrderedIds(RealClock())
    (tmp_path / "state").mkdir()
    for name, shared in (("alone", False), ("nas", True)):
        directory = tmp_path / name
        opened = open_datastore(DatastoreSettings(name, directory, shared), ids, tmp_path / "state")
        if opened.room is not None:
            opened.room.close()
        with refused(AgentRefusal.DRIVER_FAILED):
            open_datastore(DatastoreSettings(name, directory, not shared), ids, tmp_path / "state")


async def test_a_datastore_that_is_not_mounted_is_not_begun_anew(tmp_path: Path) -> None:
    ids, state, directory = TimeOrderedIds(RealClock()), tmp_path / "state", tmp_path / "nas"
    state.mkdir()
    settings = DatastoreSettings("nas", directory, shared=True)
    first = open_datastore(settings, ids, state)
    assert first.room is not None
    first.room.close()
    shutil.move(directory, tmp_path / "away")
    directory.mkdir()
    with refused(AgentRefusal.DRIVER_FAILED):
        open_datastore(settings, ids, state)
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        ("rw,vers=4.2,local_lock=none", True),
        ("rw,vers=3,local_lock=posix", True),
        ("rw,vers=3,local_lock=all", False),
        ("rw,vers=3,local_lock=flock", False),
        ("rw,vers=3,nolock", False),
    ],
)
def test_a_mount_that_keeps_locks_to_itself_is_refused(
    tmp_path: Path, options: str, fits: bool
) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,nolock\n"
        f"40 22 0:50 / /mnt/the\\040nas rw,relatime - nfs4 10.0.0.9:/photon {options}\n"
    )
    check_locks_are_seen(Path("/mnt/local"), mounts)
    if fits:
        check_locks_are_seen(Path("/mnt/the nas/photon"), mounts)
    else:
        with refused(AgentRefusal.DRIVER_FAILED):
            check_locks_are_seen(Path("/mnt/the nas/photon"), mounts)


async def test_two_agents_are_not_the_same_host_of_a_datastore(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims_file, "LOCK_PAUSE_SECONDS", 0.0)  # what counts is that it ends
    ids, state = TimeOrderedIds(RealClock()), tmp_path / "state"
    state.mkdir()
    settings = DatastoreSettings("nas", tmp_path / "nas", shared=True)
    first = open_datastore(settings, ids, state)
    copied = tmp_path / "copied"
    shutil.copytree(state, copied)
    with refused(AgentRefusal.BUSY):
        open_datastore(settings, ids, copied)
    assert first.room is not None
    first.room.close()
