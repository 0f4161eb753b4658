"""The kernel and its modules, as the unpacked Debian package holds them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from photon.guestimage.commands import BuildFailed, run

LZ4_LEGACY_MAGIC = b"\x02\x21\x4c\x18"  # Debian compresses its cloud kernels so.
ELF_MAGIC = b"\x7fELF"
# What finds the disk, and what the running guest wants beyond it.
BOOT_MODULES = ("virtio_pci", "virtio_blk")
ROOT_MODULES = ("virtio_net", "virtio-rng", "button", "evdev")


@dataclass(frozen=True)
class Kernel:
    image: Path  # the compressed kernel, as a boot loader wants it
    modules: Path  # the folder that holds all modules

    def modules_in_order(self, names: tuple[str, ...]) -> list[Path]:
        """The modules' files, each after those that it depends on."""
        at_hand = {_plain(path.stem): path for path in self.modules.rglob("*.ko")}
        ordered: dict[str, Path] = {}

        def add(name: str) -> None:
            if name in ordered or name not in at_hand:  # what is not at hand is built in
                return
            for needed in _depends(at_hand[name]):
                add(needed)
            ordered[name] = at_hand[name]

        for name in names:
            add(_plain(name))
        return list(ordered.values())


def find_kernel(unpacked: Path) -> Kernel:
    images = sorted((unpacked / "boot").glob("vmlinuz-*-cloud-amd64"))
    if not images:
        raise BuildFailed(f"The kernel's package holds no kernel for {unpacked}.")
    release = images[-1].name.removeprefix("vmlinuz-")
    return Kernel(images[-1], unpacked / "lib/modules" / release / "kernel")


def write_uncompressed(kernel: Kernel, lz4: Path, into: Path) -> None:
    """The kernel as an ELF file, which a hypervisor starts without a boot loader.

    Emulated guests come up seconds earlier so, because nothing has to be unpacked in them.
    """
    packed = kernel.image.read_bytes()
    start = packed.find(LZ4_LEGACY_MAGIC)
    if start < 0:
        raise BuildFailed(f"{kernel.image.name} is not compressed with LZ4.")
    stream = into.with_suffix(".lz4")
    stream.write_bytes(_lz4_stream(packed, start))
    run([str(lz4), "-d", "-f", str(stream), str(into)])
    stream.unlink()
    with into.open("rb") as written:
        if written.read(len(ELF_MAGIC)) != ELF_MAGIC:
            raise BuildFailed(f"{kernel.image.name} does not hold an ELF kernel.")


def _lz4_stream(packed: bytes, start: int) -> bytes:
    """The blocks from `start` on, without what follows the last one in the kernel's image."""
    at = start + len(LZ4_LEGACY_MAGIC)
    block_bytes_max = 8 << 20  # the legacy format's block holds 8 MiB unpacked
    while at + 4 <= len(packed):
        size = int.from_bytes(packed[at : at + 4], "little")
        if size == 0 or size > block_bytes_max + block_bytes_max // 255 + 16:
            break
        if at + 4 + size > len(packed):
            break
        at += 4 + size
    return packed[start:at]


def _depends(module: Path) -> list[str]:
    found = re.search(rb"\0depends=([^\0]*)\0", module.read_bytes())
    return [_plain(name) for name in found.group(1).decode().split(",") if name] if found else []


def _plain(name: str) -> str:
    return name.replace("-", "_")
