"""QEMU's command line: a pure function of what is to run.

Paths of sockets and logs are relative: QEMU starts in the guest's directory, since a socket's
path must fit into 107 bytes and a datastore's may be longer.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import msgspec

from photon.agent.drivers.qemu.record import ENVIRONMENT_FILE, SERIAL_LOG
from photon.agent.drivers.qemu.settings import ATTACH_SLOTS, Accel
from photon.domain.guest import GuestSpec

QEMU = "qemu-system-x86_64"
QMP_SOCKET = "qmp.sock"  # the driver's
RESCUE_SOCKET = "rescue.sock"  # for a person or a second program, because QMP serves one at a time
SERIAL_SOCKET = "serial.sock"
VNC_SOCKET = "vnc.sock"
PID_FILE = "pid"  # QEMU locks it, so that a guest never runs twice

# Translated blocks of a small guest fit into 32 MiB; by default they grow past half a GiB.
TCG_BLOCKS_MIB = 32
# What TCG can do of x86-64-v2, which distributions demand by now.
TCG_CPU = "qemu64,+ssse3,+sse4.1,+sse4.2,+popcnt"
FIRST_SLOT_ADDRESS = 0x1D  # Slots are functions of the PCI devices from here on, eight each.
SERIAL_CHARACTERS_MAX = 20  # of a virtio disk's serial number


class DirectKernel(msgspec.Struct, frozen=True):
    """A kernel to start without the image's own boot loader."""

    kernel: str
    initrd: str
    append: str


@dataclass(frozen=True)
class DiskFile:
    disk_id: str
    path: str
    slot: int | None = None  # None: on the board, for as long as the guest lives


@dataclass(frozen=True)
class Tap:
    interface: str
    mac_address: str


@dataclass(frozen=True)
class Launch:
    spec: GuestSpec
    accel: Accel  # KVM or TCG
    disks: tuple[DiskFile, ...]  # the boot disk first
    taps: tuple[Tap, ...] = ()
    direct_kernel: DirectKernel | None = None


def argv(launch: Launch) -> list[str]:
    """The command line of a guest that waits, once started, for QMP's `cont`."""
    return [
        QEMU,
        *_identity(launch.spec),
        *_board(launch),
        *_consoles(),
        *_slots(),
        *_disks(launch),
        *_nics(launch.taps),
        *_boot(launch.direct_kernel),
        *_environment(launch.spec),
    ]


def _identity(spec: GuestSpec) -> list[str]:
    # cloud-init, and the demo guest, take instance id and host name from the serial number.
    seed = f"ds=nocloud;i={spec.vm_id};h={host_name(spec.name)}"
    return [
        *("-name", f"guest={_escaped(spec.name)},process={spec.vm_id[-15:]}"),
        *("-uuid", spec.vm_id),
        *("-smbios", f"type=1,manufacturer=Photon,product=Photon guest,serial={_escaped(seed)}"),
        *("-pidfile", PID_FILE, "-S"),
        *("-no-user-config", "-nodefaults", "-display", "none"),
        "-sandbox",
        "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    ]


def _board(launch: Launch) -> list[str]:
    assert launch.accel is not Accel.AUTO, "the caller has found out"
    kvm = launch.accel is Accel.KVM
    return [
        *("-machine", "q35,vmport=off"),
        *("-accel", "kvm" if kvm else f"tcg,tb-size={TCG_BLOCKS_MIB}"),
        *("-cpu", "host" if kvm else TCG_CPU),
        *("-smp", str(launch.spec.cpus)),
        *("-m", f"{launch.spec.memory_mib}M"),
        *("-object", "rng-builtin,id=entropy"),
        *("-device", "virtio-rng-pci,rng=entropy"),
    ]


def _consoles() -> list[str]:
    serial = f"socket,id=serial,path={SERIAL_SOCKET},server=on,wait=off"
    arguments = ["-chardev", f"{serial},logfile={SERIAL_LOG},logappend=on"]
    arguments += ["-serial", "chardev:serial", "-vga", "std", "-vnc", f"unix:{VNC_SOCKET}"]
    for name, socket in (("qmp", QMP_SOCKET), ("rescue", RESCUE_SOCKET)):
        arguments += ["-chardev", f"socket,id={name},path={socket},server=on,wait=off"]
        arguments += ["-mon", f"chardev={name},mode=control"]
    return arguments


def _slots() -> list[str]:
    """Empty ports: PCI Express plugs into ports alone, and a running board gets no new ones."""
    arguments = []
    for slot in range(ATTACH_SLOTS):
        device, function = FIRST_SLOT_ADDRESS + slot // 8, slot % 8
        port = f"pcie-root-port,id={slot_name(slot)},chassis={slot + 1},slot={slot + 1}"
        place = f"addr={device:#x}.{function},multifunction=on"
        # Virtio needs no I/O ports, and they would not suffice for so many slots.
        arguments += ["-device", f"{port},{place},io-reserve=0"]
    return arguments


def _disks(launch: Launch) -> list[str]:
    arguments = []
    for number, disk in enumerate(launch.disks):
        node = node_name(disk.slot) if disk.slot is not None else f"board-disk-{number}"
        device = disk_device(disk.disk_id, node, disk.slot)
        if number == 0 and launch.direct_kernel is None:
            device["bootindex"] = "0"
        arguments += ["-blockdev", json.dumps(block_node(node, disk.path))]
        arguments += ["-device", ",".join(f"{name}={value}" for name, value in device.items())]
    return arguments


def _nics(taps: tuple[Tap, ...]) -> list[str]:
    arguments = []
    for number, tap in enumerate(taps):
        arguments += [
            *("-netdev", f"tap,id=nic{number},ifname={tap.interface},script=no,downscript=no"),
            "-device",
            # Without a boot ROM: guests boot from disks.
            f"virtio-net-pci,netdev=nic{number},mac={tap.mac_address},romfile=",
        ]
    return arguments


def _boot(direct: DirectKernel | None) -> list[str]:
    if direct is None:
        return []
    return ["-kernel", direct.kernel, "-initrd", direct.initrd, "-append", direct.append]


def _environment(spec: GuestSpec) -> list[str]:
    if not spec.environment:
        return []
    return ["-fw_cfg", f"name=opt/photon/environment,file={ENVIRONMENT_FILE}"]


def block_node(node: str, path: str) -> dict[str, object]:
    """A disk's file as QEMU's block layer knows it: same words on the command line and by QMP."""
    return {
        "driver": "qcow2",
        "node-name": node,
        "discard": "unmap",
        "file": {"driver": "file", "filename": path, "discard": "unmap"},
    }


def disk_device(disk_id: str, node: str, slot: int | None) -> dict[str, str]:
    device = {
        "driver": "virtio-blk-pci",
        "id": device_name(disk_id),
        "drive": node,
        "serial": disk_id.replace("-", "")[:SERIAL_CHARACTERS_MAX],
    }
    if slot is not None:
        device["bus"] = slot_name(slot)
    return device


def device_name(disk_id: str) -> str:
    return f"disk-{disk_id}"


def slot_name(slot: int) -> str:
    return f"slot{slot}"


def node_name(slot: int) -> str:
    return f"slot-disk-{slot}"


def host_name(name: str) -> str:
    """A legal host name near the guest's name."""
    return re.sub(r"[^a-z0-9-]+", "-", name.lower()).strip("-")[:63] or "guest"


def _escaped(value: str) -> str:
    """QEMU's way to have a comma in a value."""
    return value.replace(",", ",,")
