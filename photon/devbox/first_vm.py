"""The demo's VM: made, started, and listened to until its guest speaks. All through the API."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from photon.devbox.seed import BOOT_FLAVOR, VM_FLAVOR, Seeded
from photon.sdk.client import Client
from photon.sdk.console import console_ticket, open_console
from photon.sdk.nouns.compute import ConsoleKind
from photon.wire.v1.affinity import LocalitySpec
from photon.wire.v1.vm import AttachedDiskCreateSpec, Vm, VmCreateSpec

VM: Final = "hello"
BANNER: Final = "Photon demo guest is up"
TASK_SECONDS_MAX: Final = 180.0  # The first VM of a host fetches its image.
BOOT_SECONDS_MAX: Final = 240.0  # An emulated guest boots in 10 s on a quiet machine.
CONSOLE_QUIET_SECONDS: Final = 1.0
CONSOLE_BYTES_MAX: Final = 1 << 20


class GuestSilent(Exception):
    """The guest did not say its banner in time; with what it did say."""


def first_vm(client: Client, seeded: Seeded, say: Callable[[str], None]) -> Vm:
    """The VM `hello`, STARTED on the host that has real guests. One that is there is used."""
    for known in client.vms.list(seeded.project_id, name=VM):
        if known.host not in (None, seeded.real_host):
            continue  # somebody's own, of that name
        if known.state == "STARTED":
            return known
        if known.state in ("STOPPED", "SUSPENDED"):
            client.tasks.wait(client.vms.start(known.id).id, TASK_SECONDS_MAX)
            return client.vms.get(known.id)
        client.tasks.wait(client.vms.delete(known.id).id, TASK_SECONDS_MAX)
    boot = AttachedDiskCreateSpec(f"{VM}-boot", BOOT_FLAVOR, "ephemeral-disk", boot_disk=True)
    # A simulated guest would say the same, and prove nothing.
    there = [LocalitySpec(seeded.real_host, "host")]
    spec = VmCreateSpec(VM, VM_FLAVOR, seeded.image_id, [boot], affinities=there)
    task = client.tasks.wait(client.vms.create(seeded.project_id, spec).id, TASK_SECONDS_MAX)
    vm = client.vms.get(task.entity.id)
    say(f"VM {VM} is on host {vm.host}")
    client.tasks.wait(client.vms.start(vm.id).id, TASK_SECONDS_MAX)
    say(f"VM {VM} is powered on; its guest boots")
    return client.vms.get(vm.id)


def banner_of(client: Client, vm: Vm) -> str:
    """The line of the guest's serial console that has the banner.

    Raises:
        GuestSilent: it did not come in BOOT_SECONDS_MAX.
    """
    said = b""
    deadline = time.monotonic() + BOOT_SECONDS_MAX
    task = client.vms.console_ticket(vm.id, ConsoleKind.SERIAL)
    ticket = console_ticket(client.tasks.wait(task.id, TASK_SECONDS_MAX))
    with open_console(ticket) as console:
        while time.monotonic() < deadline:
            try:
                chunk = console.recv(timeout=CONSOLE_QUIET_SECONDS)
            except TimeoutError:
                continue
            said = (said + (chunk.encode() if isinstance(chunk, str) else chunk))[
                -CONSOLE_BYTES_MAX:
            ]
            for line in said.decode(errors="replace").splitlines():
                if BANNER in line and said.endswith(b"\n"):
                    return line.strip()
    tail = said.decode(errors="replace")[-500:]
    raise GuestSilent(f"the guest of {vm.name} said no banner; the end of its console:\n{tail}")
