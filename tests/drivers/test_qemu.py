"""The QEMU driver keeps the contract, with real guests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from photon.domain.guest import ImageSource
from tests.drivers.contract import DriverContract
from tests.drivers.qemu_rig import QemuRig, settings_for

BLANK_MEMORY_MIB = 32  # Enough for the firmware to find nothing to boot.


class TestQemuKeepsTheContract(DriverContract):
    @pytest.fixture
    async def rig(self, tmp_path: Path, blank_image: ImageSource) -> AsyncIterator[QemuRig]:
        rig = QemuRig(settings_for(tmp_path), blank_image, memory_mib=BLANK_MEMORY_MIB)
        await rig.open()
        yield rig
        await rig.close()
