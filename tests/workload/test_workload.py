"""The workload on a cloud that works: nothing is held against it, also when answers get lost."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from photon.workload.site import Load
from photon.workload.workload import Workload
from tests.api.cloud_rig import CloudApi
from tests.workload.rig import HastyClock, RigWay, site_of

STEPS = 150


@pytest.mark.parametrize("losses", [0.0, 0.1])
async def test_a_cloud_that_works_keeps_its_promises(tmp_path: Path, losses: float) -> None:
    api = CloudApi(tmp_path, hosts=6)
    await api.open()
    try:
        ways = [RigWay(api, Random(number)) for number in range(2)]
        asked = Load(watchers=0)  # The way to this rig has no streams.
        load = Workload(ways, site_of(6), lambda name: Random(f"1/{name}"), HastyClock(), asked)
        await load.prepare()
        for way in ways:
            way.losses = losses
        await load.run(STEPS)
        for way in ways:
            way.losses = 0.0
        await load.verify()
        assert load.steps == STEPS
        assert len(load.model.vms.by_id) > 5
    finally:
        await api.close()
