"""The images that guests of the tests boot from."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from photon.domain.guest import ImageSource
from photon.guestimage.build import DemoGuest, ensure

# Kept between runs, outside of version control, since its packages are a download of 30 MB.
DEMO_GUEST_DIRECTORY = Path(__file__).parents[2] / ".devbox/demo-guest"


@pytest.fixture(scope="session")
def qemu() -> None:
    """What every test with real guests stands on; a machine without it fails, it does not skip."""
    for program, package in (
        ("qemu-system-x86_64", "qemu-system-x86"),
        ("qemu-img", "qemu-utils"),
        ("dnsmasq", "dnsmasq-base"),
        ("ip", "iproute2"),
    ):
        if shutil.which(program) is None:
            pytest.fail(f"{program} is lacking: apt-get install {package}", pytrace=False)


@pytest.fixture(scope="session")
def demo_guest(qemu: None) -> DemoGuest:
    return ensure(DEMO_GUEST_DIRECTORY, print)


@pytest.fixture(scope="session")
def blank_image(qemu: None, tmp_path_factory: pytest.TempPathFactory) -> ImageSource:
    """A disk with nothing on it: a guest of it runs its firmware, and costs no time to boot."""
    path = tmp_path_factory.mktemp("image") / "blank.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "1M"], check=True)
    return image_source(path)


def image_source(path: Path) -> ImageSource:
    content = path.read_bytes()
    return ImageSource(
        id=path.stem,
        checksum=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        url=path.as_uri(),
    )
