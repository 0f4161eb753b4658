"""Puts the demo guest together, step by step, and says each step."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from photon.guestimage.archive import pack
from photon.guestimage.disk import KERNEL_ARGUMENTS, write_disk
from photon.guestimage.kernel import find_kernel, write_uncompressed
from photon.guestimage.packages import PACKAGES, kernel_package, unpack
from photon.guestimage.trees import make_initramfs, make_root

IMAGE_NAME = "photon-demo.qcow2"
KERNEL_NAME = "photon-demo.vmlinux"
INITRAMFS_NAME = "photon-demo.initrd.gz"
_STAMP_NAME = ".built-from"


@dataclass(frozen=True)
class DemoGuest:
    """What was built: an image that boots by itself; its kernel, to start without a loader."""

    image: Path
    checksum: str  # sha256 of `image`, lowercase hex
    size_bytes: int
    kernel: Path
    initramfs: Path
    kernel_arguments: str


def build(out: Path, say: Callable[[str], None]) -> DemoGuest:
    """Builds the guest in `out`; what was there is replaced once all is done.

    Raises:
        BuildFailed: a program or a package is lacking.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=out) as name:
        work = Path(name)
        unpacked = work / "unpacked"
        say("Getting Debian packages")
        unpack((*PACKAGES, kernel_package()), out / "packages", unpacked)
        kernel, busybox = find_kernel(unpacked), unpacked / "bin/busybox"

        say(f"Making the file trees for {kernel.image.name}")
        make_initramfs(work / "initramfs", busybox, kernel)
        make_root(work / "root", busybox, kernel)
        initramfs = pack(work / "initramfs")
        boot = work / "root/boot"
        boot.mkdir()
        (boot / "initrd.gz").write_bytes(initramfs)
        (boot / "vmlinuz").write_bytes(kernel.image.read_bytes())

        say("Writing the disk")
        write_disk(work / "root", unpacked, work, work / IMAGE_NAME)
        write_uncompressed(kernel, unpacked / "usr/bin/lz4", work / KERNEL_NAME)
        (work / INITRAMFS_NAME).write_bytes(initramfs)
        for file in (IMAGE_NAME, KERNEL_NAME, INITRAMFS_NAME):
            os.replace(work / file, out / file)
    guest = describe(out)
    say(f"Built {guest.image} ({guest.size_bytes >> 10} KiB, sha256 {guest.checksum})")
    return guest


def ensure(out: Path, say: Callable[[str], None]) -> DemoGuest:
    """The guest in `out`; built unless what is there was built from these very sources.

    Callers at the same time wait for the one that builds.
    """
    out.mkdir(parents=True, exist_ok=True)
    stamp, sources = out / _STAMP_NAME, _sources_digest()
    with (out / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.exists() and stamp.read_text() == sources:
            return describe(out)
        guest = build(out, say)
        stamp.write_text(sources)
        return guest


def describe(out: Path) -> DemoGuest:
    """What an earlier build left in `out`."""
    image = out / IMAGE_NAME
    with image.open("rb") as file:
        checksum = hashlib.file_digest(file, "sha256").hexdigest()
    return DemoGuest(
        image=image,
        checksum=checksum,
        size_bytes=image.stat().st_size,
        kernel=out / KERNEL_NAME,
        initramfs=out / INITRAMFS_NAME,
        kernel_arguments=KERNEL_ARGUMENTS,
    )


def _sources_digest() -> str:
    """One number for everything that this package is made of."""
    home, digest = Path(__file__).parent, hashlib.sha256()
    for path in sorted(home.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(path.relative_to(home).as_posix().encode() + b"\0")
            digest.update(path.read_bytes())
    return digest.hexdigest()
