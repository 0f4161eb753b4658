"""Real guests over a stop of the whole cloud: ended in order, and started again."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

import msgspec

from photon.sdk.client import Client
from photon.sdk.errors import SdkError

STOP_TASK_SECONDS_MAX: Final = 120.0  # An orderly stop of a guest may take a minute.

Say = Callable[[str], None]


def stop_guests(client: Client, hosts: Collection[str], started_file: Path, say: Say) -> None:
    """Stops every guest of the hosts with these addresses, and notes in `started_file` which ran.

    What was suspended is lost.
    """
    try:
        ids = [host.id for host in client.hosts.list() if host.address in hosts]
        vms = [vm for id in ids for vm in client.hosts.vms(id)]
        started = [vm.id for vm in vms if vm.state == "STARTED"]
        started_file.write_bytes(msgspec.json.encode(started))
        live = [vm.id for vm in vms if vm.state in ("STARTED", "SUSPENDED")]
        for task in [client.vms.stop(vm_id) for vm_id in live]:
            client.tasks.wait(task.id, STOP_TASK_SECONDS_MAX)
    except SdkError as problem:
        say(f"guests cannot be stopped in order: {problem}")


def resume_guests(client: Client, started_file: Path, say: Say) -> None:
    """Starts those that `started_file` names."""
    try:
        started = msgspec.json.decode(started_file.read_bytes(), type=list[str])
    except (OSError, msgspec.DecodeError):
        return
    for vm_id in started:
        try:
            client.tasks.wait(client.vms.start(vm_id).id, STOP_TASK_SECONDS_MAX)
        except SdkError as problem:  # its own trouble; the others and the cloud go on
            say(f"VM {vm_id} does not run again: {problem}")
        else:
            say(f"VM {vm_id} runs again")
    started_file.unlink()
