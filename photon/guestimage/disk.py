"""A disk that boots by itself: partition table, boot loader, one ext4 partition; no mounts."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from photon.guestimage.commands import run

SECTOR_BYTES = 512
PARTITION_START_SECTOR = 2048  # 1 MiB in, as is usual; the loader lies in the gap before it.
PARTITION_MIB = 63  # Holds kernel, initramfs and busybox three times over.
BOOT_CODE_BYTES = 440
LINUX_PARTITION = 0x83
GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "linux", "serial", "terminal")
# What keeps an emulated boot short, and the console where the host reads it.
KERNEL_ARGUMENTS = (
    "console=tty0 console=ttyS0 quiet reboot=t panic=-1 tsc=reliable no_timer_check "
    "cryptomgr.notests random.trust_cpu=on mitigations=off nokaslr 8250.nr_uarts=1 audit=0 "
    "apparmor=0 rcupdate.rcu_expedited=1 i8042.noaux"
)
_GRUB_SCRIPT = f"""\
set root=(hd0,msdos1)
linux /boot/vmlinuz {KERNEL_ARGUMENTS}
initrd /boot/initrd.gz
boot
"""


def write_disk(tree: Path, unpacked: Path, work: Path, into: Path) -> None:
    """Writes the qcow2 file `into`, whose partition holds `tree` (with its /boot)."""
    partition, raw = work / "partition.raw", work / "disk.raw"
    with partition.open("wb") as file:
        file.truncate(PARTITION_MIB << 20)
    # The loader reads ext4 only without checksums; a journal would be written at every first boot.
    features = "^has_journal,^metadata_csum,^64bit"
    owner = "root_owner=0:0,lazy_itable_init=0"
    make = ("mke2fs", "-q", "-t", "ext4", "-O", features, "-E", owner, "-m", "0", "-L", "photon")
    run([*make, "-d", str(tree), str(partition)])
    with raw.open("wb") as disk:
        disk.write(_boot_sector((unpacked / "usr/lib/grub/i386-pc/boot.img").read_bytes()))
        disk.write(_loader(unpacked, work))
        assert disk.tell() <= PARTITION_START_SECTOR * SECTOR_BYTES, "the loader fills the gap"
        disk.seek(PARTITION_START_SECTOR * SECTOR_BYTES)
        disk.write(partition.read_bytes())
    run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(into)])


def _boot_sector(boot_code: bytes) -> bytes:
    """The first sector: the loader's first stage, and a table with one bootable partition."""
    sectors = (PARTITION_MIB << 20) // SECTOR_BYTES
    # Cylinders, heads and sectors are all ones: nobody has read them for thirty years.
    entry = struct.pack(
        "<B3sB3sII",
        0x80,
        b"\xfe\xff\xff",
        LINUX_PARTITION,
        b"\xfe\xff\xff",
        PARTITION_START_SECTOR,
        sectors,
    )
    table = entry + bytes(16) * 3
    return boot_code[:BOOT_CODE_BYTES].ljust(446, b"\0") + table + b"\x55\xaa"


def _loader(unpacked: Path, work: Path) -> bytes:
    """GRUB's second stage, with all that it does in it: no menu, no module to be found later."""
    script, core = work / "grub.cfg", work / "core.img"
    script.write_text(_GRUB_SCRIPT)
    libraries = ":".join(
        str(unpacked / name) for name in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")
    )
    make = (str(unpacked / "usr/bin/grub-mkimage"), "-O", "i386-pc", "-p", "(hd0,msdos1)/boot/grub")
    modules = ("-d", str(unpacked / "usr/lib/grub/i386-pc"), *GRUB_MODULES)
    run(
        [*make, "-o", str(core), "-c", str(script), *modules],
        env={**os.environ, "LD_LIBRARY_PATH": libraries},
    )
    return core.read_bytes()
