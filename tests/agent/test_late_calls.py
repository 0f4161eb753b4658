"""Each kind of call that changes something, said after one that was decided later: STALE_FENCE.

So it is when a controller was frozen, and another has gone on with its tasks and its duties.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from photon.agent.image_fences import IMAGES_REMEMBERED_MAX
from photon.agent_client.address import HostAddress
from photon.domain.guest import AgentRefusal, HostMode, ImageSource, PowerOp
from photon.rpc import agent_messages
from tests.agent.conftest import STORE, Plane, a_disk, a_provision, a_spec, restarted
from tests.drivers.arrange import refused

IMAGE: Final = a_spec().image
EARLY, LATE = 40, 50  # the late call carries the lower fence

Call = Callable[[Plane], Awaitable[object]]


async def _a_guest_and_a_disk(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, 1, a_spec())
    await plane.agents.create_disk(plane.host, 1, a_disk())
    await plane.agents.power_vm(plane.host, LATE, "vm-1", PowerOp.START)


async def _a_disk_of_later(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, 1, a_spec())
    await plane.agents.create_disk(plane.host, LATE, a_disk())


async def _a_capture(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, 1, a_spec())
    await plane.agents.capture_image(plane.host, LATE, "vm-1", "image-9")


async def _a_fetched_image(plane: Plane) -> None:
    await plane.agents.fetch_image(plane.host, LATE, STORE, IMAGE)


async def _an_image_of_a_guest_that_is_gone(plane: Plane) -> None:
    await plane.agents.create_vm(plane.host, LATE, a_spec())
    await plane.agents.delete_vm(plane.host, LATE + 1, "vm-1")


async def _a_deleted_image(plane: Plane) -> None:
    await plane.agents.fetch_image(plane.host, 1, STORE, IMAGE)
    await plane.agents.delete_image(plane.host, LATE, IMAGE.checksum)


async def _a_mode(plane: Plane) -> None:
    await plane.agents.set_mode(plane.host, LATE, HostMode.NORMAL)


async def _terms(plane: Plane) -> None:
    await plane.agents.provision(plane.endpoint, a_provision(fence=LATE))


async def _given_back(plane: Plane) -> None:
    await plane.agents.deprovision(plane.host, LATE)


LATE_CALLS: Final[dict[str, list[tuple[Callable[[Plane], Awaitable[None]], Call]]]] = {
    "create_vm": [
        (_a_guest_and_a_disk, lambda p: p.agents.create_vm(p.host, EARLY, a_spec())),
    ],
    "delete_vm": [
        (_a_guest_and_a_disk, lambda p: p.agents.delete_vm(p.host, EARLY, "vm-1", force=True)),
    ],
    "power_vm": [
        (_a_guest_and_a_disk, lambda p: p.agents.power_vm(p.host, EARLY, "vm-1", PowerOp.STOP)),
    ],
    "create_disk": [
        (_a_disk_of_later, lambda p: p.agents.create_disk(p.host, EARLY, a_disk())),
    ],
    "delete_disk": [
        (_a_disk_of_later, lambda p: p.agents.delete_disk(p.host, EARLY, "disk-1")),
    ],
    "attach_disk": [
        (_a_guest_and_a_disk, lambda p: p.agents.attach_disk(p.host, EARLY, "vm-1", "disk-1")),
        (_a_disk_of_later, lambda p: p.agents.attach_disk(p.host, EARLY, "vm-1", "disk-1")),
    ],
    "detach_disk": [
        (_a_guest_and_a_disk, lambda p: p.agents.detach_disk(p.host, EARLY, "vm-1", "disk-1")),
        (_a_disk_of_later, lambda p: p.agents.detach_disk(p.host, EARLY, "vm-1", "disk-1")),
    ],
    "capture_image": [
        (_a_capture, lambda p: p.agents.capture_image(p.host, EARLY, "vm-1", "image-9")),
    ],
    "drop_capture": [
        (_a_capture, lambda p: p.agents.drop_capture(p.host, EARLY, "image-9")),
    ],
    "fetch_image": [
        (_a_deleted_image, lambda p: p.agents.fetch_image(p.host, EARLY, STORE, IMAGE)),
    ],
    "delete_image": [
        (_a_fetched_image, lambda p: p.agents.delete_image(p.host, EARLY, IMAGE.checksum)),
        (
            _an_image_of_a_guest_that_is_gone,
            lambda p: p.agents.delete_image(p.host, EARLY, IMAGE.checksum),
        ),
    ],
    "set_mode": [
        (_a_mode, lambda p: p.agents.set_mode(p.host, EARLY, HostMode.ENTERING_MAINTENANCE)),
    ],
    "provision": [
        (_terms, lambda p: p.agents.provision(p.endpoint, a_provision(fence=EARLY))),
        (_given_back, lambda p: p.agents.provision(p.endpoint, a_provision(fence=EARLY))),
    ],
    "deprovision": [
        (_a_mode, lambda p: p.agents.deprovision(p.host, EARLY)),
    ],
}

# They change nothing: there is no order in which they could come wrongly.
ASKING: Final = {"ping", "inventory", "report", "vm_networks", "console_ticket"}

_CASES = [
    pytest.param(*case, id=f"{name}-{number}")
    for name, cases in LATE_CALLS.items()
    for number, case in enumerate(cases)
]


def test_no_kind_of_call_is_forgotten_here() -> None:
    assert LATE_CALLS.keys() | ASKING == set(agent_messages.agent_service().methods)


@pytest.mark.parametrize(("arrange", "call"), _CASES)
async def test_a_call_that_comes_too_late_is_refused(
    plane: Plane, arrange: Callable[[Plane], Awaitable[None]], call: Call
) -> None:
    await arrange(plane)
    before = await _seen(plane)
    with refused(AgentRefusal.STALE_FENCE):
        await call(plane)
    assert await _seen(plane) == before, "what is refused has changed nothing"


async def _seen(plane: Plane) -> object:
    owned = plane.simulation.hosts.by_address["sim-00001"].is_owned
    return owned and await plane.agents.inventory(plane.host)


async def test_what_is_remembered_of_images_and_modes_outlives_the_agent(local: Plane) -> None:
    await local.agents.fetch_image(local.host, LATE, STORE, IMAGE)
    await local.agents.set_mode(local.host, LATE, HostMode.MAINTENANCE)
    again = await restarted(local)
    with refused(AgentRefusal.STALE_FENCE):
        await again.agents.delete_image(again.host, EARLY, IMAGE.checksum)
    with refused(AgentRefusal.STALE_FENCE):
        await again.agents.set_mode(again.host, EARLY, HostMode.NORMAL)


async def test_terms_and_modes_are_decided_beside_each_other(local: Plane) -> None:
    """A synchronisation of all hosts must not make the task fail that has one of them."""
    await local.agents.provision(local.endpoint, a_provision(fence=LATE))
    await local.agents.set_mode(local.host, EARLY, HostMode.MAINTENANCE)


async def test_a_host_that_was_given_back_counts_from_anew_for_its_next_owner(
    local: Plane,
) -> None:
    await local.agents.fetch_image(local.host, LATE, STORE, IMAGE)
    await local.agents.deprovision(local.host, LATE)
    await local.agents.provision(local.endpoint, a_provision(host_id="other", fence=1))
    other = HostAddress(local.endpoint, "other")
    await local.agents.set_mode(other, 2, HostMode.MAINTENANCE)
    await local.agents.delete_image(other, 2, IMAGE.checksum)


async def test_images_that_nothing_was_said_of_for_long_are_forgotten(local: Plane) -> None:
    for number in range(IMAGES_REMEMBERED_MAX + 10):
        image = ImageSource(f"image-{number}", f"{number:064x}", 1, "http://images.invalid/1")
        await local.agents.fetch_image(local.host, LATE, STORE, image)
    remembered = [key for key in local.journal.items() if "/image-fence/" in key]
    assert len(remembered) == IMAGES_REMEMBERED_MAX
