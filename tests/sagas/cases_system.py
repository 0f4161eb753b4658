"""The saga that looks at the whole system, and changes nothing."""

from __future__ import annotations

from typing import Final

from photon.domain.audit import AUDIT
from tests.tasks.building import build_disk, build_site, build_vm
from tests.tasks.harness import SagaCase
from tests.tasks.world import World


async def nothing_is_found(world: World) -> None:
    [task] = [task for task in await world.tasks() if task.operation == AUDIT]
    assert task.resource_properties["findings"] == []
    assert task.resource_properties["hosts"] > 0


CASES: Final = (
    SagaCase(
        AUDIT,
        (build_site, build_vm, build_disk),
        lambda world: ("POST", "/v1/system/audit", None),
        check=nothing_is_found,
    ),
)
