"""QEMU's command line follows from what is to run, and from nothing else."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from photon.agent.drivers.qemu.argv import (
    DirectKernel,
    DiskFile,
    Launch,
    Tap,
    argv,
    host_name,
    slot_name,
)
from photon.agent.drivers.qemu.checks import check_spec
from photon.agent.drivers.qemu.commands import CommandFailed
from photon.agent.drivers.qemu.settings import ATTACH_SLOTS, Accel
from photon.domain.guest import GuestDisk, GuestNic, GuestSpec, ImageSource

VM_ID = "01a20260-6129-7000-8dc6-0123456789ab"
BOOT_ID = "01a20260-6129-7001-8dc6-0123456789ab"


def a_spec(**changes: object) -> GuestSpec:
    given: dict[str, object] = {
        "vm_id": VM_ID,
        "name": "web-1",
        "cpus": 2,
        "memory_mib": 512,
        "datastore_id": "store",
        "image": ImageSource("image", "0" * 64, 1, "file:///image"),
        "disks": (GuestDisk(BOOT_ID, 1, boot=True),),
        **changes,
    }
    return GuestSpec(**given)  # type: ignore[arg-type]  # a wrong one fails at once


def a_launch(**changes: object) -> Launch:
    given: dict[str, object] = {
        "spec": a_spec(),
        "accel": Accel.TCG,
        "disks": (DiskFile(BOOT_ID, "/store/boot.qcow2"),),
        **changes,
    }
    return Launch(**given)  # type: ignore[arg-type]  # a wrong one fails at once


def values(command: list[str], option: str) -> list[str]:
    return [after for word, after in pairwise(command) if word == option]


def test_the_same_guest_has_the_same_command() -> None:
    assert argv(a_launch()) == argv(a_launch())


def test_a_guest_has_what_its_spec_says() -> None:
    command = argv(a_launch())
    assert values(command, "-uuid") == [VM_ID]
    assert values(command, "-smp") == ["2"]
    assert values(command, "-m") == ["512M"]
    assert "-S" in command


def test_kvm_shows_the_hosts_processor_and_tcg_bounds_its_blocks() -> None:
    assert values(argv(a_launch(accel=Accel.KVM)), "-cpu") == ["host"]
    assert values(argv(a_launch(accel=Accel.TCG)), "-accel") == ["tcg,tb-size=32"]


def test_the_boot_disk_boots_and_disks_in_slots_do_not() -> None:
    disks = (DiskFile(BOOT_ID, "/store/boot.qcow2"), DiskFile("more", "/store/more", slot=3))
    devices = [each for each in values(argv(a_launch(disks=disks)), "-device") if "blk" in each]
    assert "bootindex=0" in devices[0]
    assert f"bus={slot_name(3)}" in devices[1]
    assert "bootindex" not in devices[1]


def test_every_slot_has_a_port_of_its_own() -> None:
    devices = values(argv(a_launch()), "-device")
    ports = [each for each in devices if each.startswith("pcie-root-port")]
    assert len(ports) == ATTACH_SLOTS
    assert len({port.split("addr=")[1].split(",")[0] for port in ports}) == ATTACH_SLOTS


def test_a_guest_with_a_kernel_of_its_own_does_not_ask_the_boot_disk() -> None:
    kernel = DirectKernel("/vmlinux", "/initrd", "console=ttyS0")
    command = argv(a_launch(direct_kernel=kernel))
    assert values(command, "-kernel") == ["/vmlinux"]
    assert not any("bootindex" in word for word in command)


def test_nics_are_taps_in_their_order() -> None:
    taps = (Tap("pt1", "52:54:00:00:00:01"), Tap("pt2", "52:54:00:00:00:02"))
    netdevs = values(argv(a_launch(taps=taps)), "-netdev")
    assert [each.split("ifname=")[1].split(",")[0] for each in netdevs] == ["pt1", "pt2"]


def test_an_environment_is_given_as_a_file_and_only_when_there_is_one() -> None:
    assert values(argv(a_launch()), "-fw_cfg") == []
    launch = a_launch(spec=a_spec(environment={"ROLE": "web"}))
    assert values(argv(launch), "-fw_cfg") == ["name=opt/photon/environment,file=environment.json"]


@given(st.text(min_size=1, max_size=80))
def test_a_guests_name_adds_no_option(name: str) -> None:
    plain, odd = argv(a_launch(spec=a_spec(name="x"))), argv(a_launch(spec=a_spec(name=name)))
    assert len(odd) == len(plain)
    [identity] = values(odd, "-name")
    assert identity.replace(",,", "").count(",") == 1


@given(st.text(max_size=80))
def test_a_host_name_is_legal(name: str) -> None:
    made = host_name(name)
    assert 1 <= len(made) <= 63
    assert not set(made) - set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert made[0] != "-"


@given(st.text(max_size=80))
def test_a_disks_path_is_one_word_of_json(path: str) -> None:
    command = argv(a_launch(disks=(DiskFile(BOOT_ID, path),)))
    assert json.loads(values(command, "-blockdev")[0])["file"]["filename"] == path


@pytest.mark.parametrize(
    "spec",
    [
        a_spec(vm_id="../elsewhere"),
        a_spec(vm_id=VM_ID.upper()),
        a_spec(disks=()),
        a_spec(disks=(GuestDisk(BOOT_ID, 1),)),
        a_spec(disks=(GuestDisk("../boot", 1, boot=True),)),
        a_spec(name="two\nlines"),
        a_spec(nics=(GuestNic("VM Network", "52:54:00:00:00:01,romfile=/etc/shadow"),)),
    ],
)
def test_words_that_would_become_paths_or_options_are_refused(spec: GuestSpec) -> None:
    with pytest.raises(CommandFailed):
        check_spec(spec)
