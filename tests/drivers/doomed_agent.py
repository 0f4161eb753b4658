"""An agent in a process of its own, to be killed: `start` starts a guest, `create` makes many."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from photon.domain.guest import PowerOp
from tests.drivers.arrange import a_guest
from tests.drivers.conftest import image_source
from tests.drivers.qemu_rig import QemuRig, settings_for

MEMORY_MIB = 128
GUESTS_MAX = 1000  # More than anybody lets it make.


async def main(what: str, directory: Path, image: Path) -> None:
    rig = QemuRig(settings_for(directory), image_source(image), memory_mib=MEMORY_MIB)
    await rig.open()
    if what == "start":
        print((await a_guest(rig, PowerOp.START)).vm_id, flush=True)  # noqa: T201  # to the test
        await asyncio.Event().wait()
    for _ in range(GUESTS_MAX):
        print((await a_guest(rig)).vm_id, flush=True)  # noqa: T201  # to the test


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
