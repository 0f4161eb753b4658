"""A real guest through its life, asked for through the API and seen from inside the guest."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.devbox.box import REAL_HOST, SCOPE, Box

PATIENCE_SECONDS = 120.0  # An emulated guest boots in five on a quiet machine.
LOOK_AGAIN_SECONDS = 0.2
VM = "life"
MADE = ("--flavor", "demo-tiny", "--boot-disk", "demo-boot", *REAL_HOST, "--start", *SCOPE)

pytestmark = pytest.mark.slow


def soon(what: str, holds: Callable[[], bool]) -> None:
    """Looks again until it holds: a guest tells nobody when it is done."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(LOOK_AGAIN_SECONDS)


def console_of(box: Box, vm: str, typed: str = "") -> str:
    """What the guest answers to what is typed; without anything, all that it said so far."""
    how = ("--quiet-seconds", "2") if typed else ("--log",)
    answered = box.python("-m", "photon.cli", "vm", "console", vm, *how, *SCOPE, said=typed)
    assert answered.returncode == 0, answered.stderr
    return answered.stdout


def wait_for_address(box: Box, vm: str) -> str:
    """The address that DHCP gave the guest, as the guest says it."""
    says = re.compile(rf"has an address: {vm} eth0 ([0-9.]+)")
    soon(f"{vm} has no address", lambda: bool(says.search(console_of(box, vm))))
    found = says.search(console_of(box, vm))
    assert found is not None
    return found[1]


def disks_inside(box: Box) -> str:
    return console_of(box, VM, "cat /proc/partitions; echo do''ne\n")


def uptime_seconds(box: Box) -> float:
    said = console_of(box, VM, "echo up $(cat /proc/uptime)\n")
    return float(re.findall(r"^up ([0-9.]+) ", said, flags=re.MULTILINE)[-1])


@pytest.fixture(scope="module")
def address(box: Box) -> Iterator[str]:
    """Of the one VM of these tests, whose guest listens."""
    box.photon("vm", "create", VM, "--image", "photon-demo", *MADE)
    yield wait_for_address(box, VM)
    box.photon("vm", "stop", VM, *SCOPE)  # if it is stopped already, so it stays
    box.photon("vm", "delete", VM, *SCOPE)
    assert list((box.folder / "agent/datastore/vms").iterdir()) == []


def test_the_api_knows_the_address_that_the_guest_got(box: Box, address: str) -> None:
    [card] = box.json("vm", "networks", VM)["networkConnections"]
    assert card["ipAddress"] == address
    assert card["isConnected"] == "True"


def test_a_disk_comes_and_goes_while_the_guest_runs(box: Box, address: str) -> None:
    made = ("--flavor", "demo-data", "--capacity", "1", *SCOPE)
    box.photon("disk", "create", "near", *made, "--near", VM)
    box.photon("vm", "attach-disk", VM, "near", *SCOPE)
    assert "vdb" in disks_inside(box)
    assert box.states("disk") == {"near": "ATTACHED"}
    box.photon("vm", "detach-disk", VM, "near", *SCOPE)
    soon("the guest still has the disk", lambda: "vdb" not in disks_inside(box).split("major")[-1])
    box.photon("disk", "delete", "near", *SCOPE)


def test_a_suspended_guest_goes_on_where_it_was(box: Box, address: str) -> None:
    before = uptime_seconds(box)
    box.photon("vm", "suspend", VM, *SCOPE)
    assert box.states()[VM] == "SUSPENDED"
    box.photon("vm", "resume", VM, *SCOPE)
    assert box.states()[VM] == "STARTED"
    assert uptime_seconds(box) > before


def test_a_screen_ticket_opens_once(box: Box, address: str) -> None:
    url = box.json("vm", "mks-ticket", VM)["url"]
    with connect(url) as screen:
        assert screen.recv(timeout=PATIENCE_SECONDS) == b"RFB 003.008\n"
    with pytest.raises(InvalidStatus) as refused:
        connect(url)
    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("program", ["agent", "controller"])
def test_a_guest_outlives(box: Box, address: str, program: str) -> None:
    before = uptime_seconds(box)
    os.kill(box.pid(program), signal.SIGKILL)
    again = box.devbox("up")
    assert again.returncode == 0, again.stdout + again.stderr
    assert box.states()[VM] == "STARTED"
    assert uptime_seconds(box) > before


def test_a_guest_that_powers_itself_off_is_stopped_and_makes_an_image(
    box: Box, address: str
) -> None:
    console_of(box, VM, "touch /etc/was-here; sync; poweroff\n")
    soon("the API still says that it runs", lambda: box.states()[VM] == "STOPPED")
    box.photon("vm", "create-image", VM, "child", *SCOPE)
    assert box.states("image")["child"] == "READY"
    box.photon("vm", "create", "heir", "--image", "child", *MADE)
    wait_for_address(box, "heir")
    assert "was-here" in console_of(box, "heir", "ls /etc/\n").split("ls /etc/")[-1]
    box.photon("image", "delete", "child", *SCOPE)
    assert box.states("image")["child"] == "PENDING_DELETE"
    box.photon("vm", "stop", "heir", *SCOPE)
    box.photon("vm", "delete", "heir", *SCOPE)
    soon("the image outlives its last VM", lambda: "child" not in box.states("image"))
