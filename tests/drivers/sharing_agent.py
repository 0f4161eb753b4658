"""An agent in a process of its own that makes and deletes disks on a shared datastore, for ever."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from random import Random

from photon.agent.drivers.qemu.driver import QemuDriver
from photon.agent.drivers.qemu.settings import DatastoreSettings
from photon.domain.guest import AgentRefusal, GuestDisk, Refusal
from photon.outside.clock import RealClock
from photon.outside.ids import TimeOrderedIds
from tests.drivers.qemu_rig import settings_for

PARTS = 6  # So few disks fill the datastore that two agents always race for the last.


def sharing(directory: Path, common: Path) -> QemuDriver:
    stores = (DatastoreSettings("nas", common, shared=True),)
    settings = settings_for(directory, datastores=stores)
    return QemuDriver(settings, TimeOrderedIds(RealClock()))


async def main(directory: Path, common: Path, seed: int) -> None:
    ids, random, driver = TimeOrderedIds(RealClock()), Random(seed), sharing(directory, common)
    await driver.open(lambda vm_id: None)
    [store] = (await driver.capacity()).datastores
    print(f"open {store.capacity_gib}", flush=True)  # noqa: T201  # to the test
    while True:
        disks = await driver.disks()
        if disks and random.random() < len(disks) / PARTS:
            await driver.delete_disk(random.choice(disks).disk_id)
            continue
        new = GuestDisk(
            ids.new(), store.capacity_gib // PARTS, persistent=True, datastore_id=store.id
        )
        try:
            await driver.create_disk(new)
            print("made", flush=True)  # noqa: T201  # to the test
        except Refusal as refusal:
            if refusal.code is not AgentRefusal.NOT_ENOUGH_DATASTORE:
                raise
            print("refused", flush=True)  # noqa: T201  # to the test


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
