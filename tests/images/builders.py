"""Real images, made by the program that everybody makes them with."""

from __future__ import annotations

import hashlib
import io
import struct
import subprocess
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from pathlib import Path

from photon.images.library import ImageLibrary
from photon.images.limits import ImageLimits

Opener = Callable[[ImageLimits], Awaitable[ImageLibrary]]

MIB = 1024 * 1024
RAW_BYTES = 3 * MIB

SCSI = ("6", "lsilogic")
IDE = ("5", "")
SATA = ("20", "vmware.sata.ahci")
NVME = ("20", "vmware.nvme.controller")


def a_raw_disk(path: Path, *, disk_bytes: int = RAW_BYTES) -> Path:
    """With a boot sector's signature, a run of text in the middle, and zeros otherwise."""
    with path.open("wb") as file:
        file.truncate(disk_bytes)
        file.seek(510)
        file.write(b"\x55\xaa")
        file.seek(MIB)
        file.write(b"".join(b"line %d\n" % line for line in range(20_000)))
        file.seek(disk_bytes - 4)
        file.write(b"last")
    return path


def qemu_img(*arguments: str | Path) -> None:
    subprocess.run(["qemu-img", *map(str, arguments)], check=True, capture_output=True)


def converted(raw: Path, image_format: str, *options: str) -> Path:
    """`raw` in another format, beside it."""
    target = raw.with_suffix(f".{image_format}")
    qemu_img("convert", "-f", "raw", "-O", image_format, *options, raw, target)
    return target


def a_vmdk(raw: Path) -> Path:
    return converted(raw, "vmdk", "-o", "subformat=streamOptimized")


def content_of(stored: Path, scratch: Path) -> bytes:
    """What a guest would read."""
    out = scratch / "content.raw"
    qemu_img("convert", "-f", "qcow2", "-O", "raw", stored, out)
    return out.read_bytes()


def an_ovf(
    *,
    controller: tuple[str, str] = SCSI,
    disk_file: str = "disk.vmdk",
    more_disks: str = "",
    more_hardware: str = "",
    prologue: str = "",
) -> bytes:
    """A machine with one disk; `controller` is a resource type and subtype."""
    kind, subtype = controller
    return f"""<?xml version="1.0" encoding="UTF-8"?>{prologue}
<Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"
  xmlns:vmw="http://www.vmware.com/schema/ovf"
  xmlns:rasd="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData">
  <References><File ovf:href="{disk_file}" ovf:id="file1"/></References>
  <DiskSection><Info>Disks</Info>
    <Disk ovf:capacity="3" ovf:diskId="vmdisk1" ovf:fileRef="file1"/>{more_disks}
  </DiskSection>
  <VirtualSystem ovf:id="vm"><VirtualHardwareSection>
    <Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceSubType>{subtype}</rasd:ResourceSubType>
      <rasd:ResourceType>{kind}</rasd:ResourceType></Item>
    <Item><rasd:HostResource>ovf:/disk/vmdisk1</rasd:HostResource>
      <rasd:InstanceID>4</rasd:InstanceID><rasd:Parent>3</rasd:Parent>
      <rasd:ResourceType>17</rasd:ResourceType></Item>
    {more_hardware}
  </VirtualHardwareSection></VirtualSystem>
</Envelope>""".encode()


def a_tar(members: Iterable[tuple[str, bytes]], *, tar_format: int = tarfile.USTAR_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tar_format) as tar:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def a_manifest(members: Iterable[tuple[str, bytes]], *, algorithm: str = "SHA256") -> bytes:
    return b"".join(
        f"{algorithm}({name})= {hashlib.new(algorithm, content).hexdigest()}\n".encode()
        for name, content in members
    )


async def in_chunks(content: bytes, chunk_bytes: int = 64 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(content), chunk_bytes):
        yield content[start : start + chunk_bytes]


def with_footer(content: bytes) -> bytes:
    """As VMware's own tools write it: the header says that the true one comes last."""
    marker = struct.pack("<QII", 1, 0, 3).ljust(512, b"\0")
    at_end = content[:56] + b"\xff" * 8 + content[64:]
    return at_end + marker + content[:512] + bytes(512)


def an_ova(vmdk: bytes, *, good_manifest: bool = True) -> bytes:
    members = [("vm.ovf", an_ovf()), ("disk.vmdk", vmdk)]
    said = members if good_manifest else [members[0], ("disk.vmdk", vmdk + b"x")]
    return a_tar([members[0], ("vm.mf", a_manifest(said)), members[1]])


def files_under(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file() and path.name != ".lock"]
