"""Passwords, and certificates of an authority of the cloud's own. Made once, and kept."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

PASSWORD_BYTES: Final = 16
DAYS: Final = 365  # A cloud for trying things out is younger than that.
_CURVE: Final = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")


def password(folder: Path, name: str) -> str:
    """The password in this folder's file `name`, which is made when there is none."""
    file = folder / name
    if not file.exists():
        write_private(file, os.urandom(PASSWORD_BYTES).hex())
    return file.read_text()


def write_private(file: Path, text: str, owner: tuple[int, int] | None = None) -> None:
    """Nobody else can read it, not even while it is written."""
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
    if owner is not None:
        os.chown(file, *owner)


def make_authority(ca: Path) -> None:
    """The certificate that all trust, and beside it its key."""
    if not ca.exists():
        _openssl(
            *("req", "-x509", *_CURVE, "-days", str(DAYS), "-subj", "/CN=photon devbox"),
            *("-keyout", str(_key_of(ca)), "-out", str(ca)),
        )


def make_certificate(ca: Path, address: str, certificate: Path, key: Path) -> None:
    """What a server at this address shows."""
    if certificate.exists():
        return
    _openssl(
        *("req", "-x509", *_CURVE, "-days", str(DAYS), "-subj", f"/CN={address}"),
        *("-CA", str(ca), "-CAkey", str(_key_of(ca)), "-addext", f"subjectAltName=IP:{address}"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-keyout", str(key), "-out", str(certificate)),
    )


def _key_of(ca: Path) -> Path:
    return ca.with_name("ca.key")


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, check=False, text=True)
    if done.returncode != 0:
        raise OSError(f"openssl: {done.stderr.strip()}")
