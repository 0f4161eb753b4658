"""Debian packages, downloaded as anybody's apt does and unpacked beside the system."""

from __future__ import annotations

import re
from pathlib import Path

from photon.guestimage.commands import BuildFailed, run

KERNEL_METAPACKAGE = "linux-image-cloud-amd64"
# busybox is the guest; the others are tools that the build runs, with the libraries they need.
PACKAGES = (
    "busybox-static",
    "grub-pc-bin",
    "grub-common",
    "lz4",
    "libdevmapper1.02.1",
    "libselinux1",
    "libudev1",
    "libpcre2-8-0",
)


def kernel_package() -> str:
    """The package that holds the newest cloud kernel that apt knows of."""
    depends = run(["apt-cache", "depends", KERNEL_METAPACKAGE])
    found = re.search(r"Depends: (linux-image-\S+-cloud-amd64)", depends)
    if found is None:
        raise BuildFailed(f"apt does not know {KERNEL_METAPACKAGE}. Run `apt-get update` first.")
    return found.group(1)


def unpack(names: tuple[str, ...], cache: Path, into: Path) -> None:
    """Unpacks the packages, downloading those that `cache` lacks."""
    cache.mkdir(parents=True, exist_ok=True)
    lacking = [name for name in names if not list(cache.glob(f"{name}_*.deb"))]
    if lacking:
        run(["apt-get", "download", *lacking], cwd=cache)
    for name in names:
        [newest, *_] = sorted(cache.glob(f"{name}_*.deb"), reverse=True)
        run(["dpkg", "-x", str(newest), str(into)])
