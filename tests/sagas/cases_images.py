"""The saga of images that any controller can carry on. Uploads are proved in test_uploads."""

from __future__ import annotations

from typing import Final

from photon.domain.readiness import Readiness
from photon.domain.vm import VmState
from photon.store.nouns import IMAGES, VMS
from tests.tasks.building import build_site, build_vm
from tests.tasks.harness import Check, Request, SagaCase
from tests.tasks.world import World

_SPEC: Final = {"name": "made-of-vm", "replicationType": "EAGER"}


def _capture(world: World) -> Request:
    return "POST", f"/v1/vms/{world.names['vm']}/create_image", _SPEC


def image_is(state: Readiness) -> Check:
    async def check(world: World) -> None:
        [image] = (await world.store.page(IMAGES, {"name": "made-of-vm"}, limit=2)).items
        assert (image.state, image.task_id) == (state, None)
        [vm] = (await world.store.page(VMS, {}, limit=2)).items
        assert (vm.state, vm.task_id) == (VmState.STOPPED, None)
        if state is Readiness.READY:
            assert world.images.path_of(image.checksum)
            assert image.project_id == vm.project_id
        assert world.captures() == []

    return check


CASES: Final = (
    SagaCase(
        "CREATE_VM_IMAGE",
        (build_site, build_vm),
        _capture,
        check=image_is(Readiness.READY),
        check_failed=image_is(Readiness.ERROR),
    ),
)
