"""Run in a copy of the sources with one more filter: tells, as JSON, what became of it.

See test_filter_order.py. The filter keeps a VM of two vCPUs from hosts that offer below 100,000.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from pathlib import Path

import photon
from photon.scheduler.capacity import capacity_of
from photon.scheduler.sentence import error_of
from photon.store.nouns import IMAGES
from photon.store.protocol import Insert
from tests.api.cloud_rig import DISK_FLAVOR, SUBNET, VM_FLAVOR, CloudApi
from tests.api.rig import Json
from tests.api.test_placements import IMAGE
from tests.api.test_vm_placement import a_failure, a_spec, a_vm, capacity
from tests.scheduler.cloud import a_demand, a_leaf, an_inventory, at_once, placed, refused

WIDE = VM_FLAVOR | {
    "name": "wide",
    "cost": [{"key": "vm.cpu", "value": 2, "unit": "COUNT"}, *VM_FLAVOR["cost"][1:]],
}


def of_a_leaf() -> Json:
    leaf = a_leaf(an_inventory("h1"), an_inventory("h2"))
    # The answer for a narrow one is not kept for a wide one: what the filter reads is asked.
    placed(at_once(leaf.place(a_demand("narrow", cpus=1))))
    wide = a_demand("wide", cpus=2)
    refusal = refused(at_once(leaf.place(wide)))
    return {
        "reasons": [(count.reason, count.hosts) for count in refusal.reasons],
        "code": error_of(wide, refusal).code,
        "sentence": error_of(wide, refusal).explanation,
        "fits": capacity_of(at_once(leaf.fits(wide))).count,
    }


async def of_the_api(folder: Path) -> Json:
    api = CloudApi(folder)
    await api.open()
    try:
        await api.store.commit([Insert(IMAGES, IMAGE)])
        for flavor in (VM_FLAVOR, WIDE, DISK_FLAVOR):
            await api.made("/v1/flavors", flavor)
        await api.ready_host(1)
        subnet = await api.made("/v1/subnets", SUBNET)
        await api.do("POST", f"/v1/subnets/{subnet}/set_default")
        project = await api.a_project()
        await a_vm(api, project, a_spec())
        failed = await a_failure(api, project, a_spec(flavor="wide"))
        error = next(error for step in failed.steps for error in step.errors)
        return {
            "task": (error.code, error.data),
            "capacity": await capacity(api, project, flavor="wide"),
        }
    finally:
        await api.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        answers = {
            "photon": str(Path(photon.__file__).parent),
            "leaf": of_a_leaf(),
            "api": asyncio.run(of_the_api(Path(folder))),
        }
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
