"""Captured boot disks of simulated guests, as files that a controller can really fetch."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from photon.agent.drivers.simulated_image import empty_qcow2
from photon.domain.guest import AgentRefusal, CapturedImage, Refusal

_FILE_NAME = re.compile(r"[A-Za-z0-9-]{1,64}")


class SimulatedCaptures:
    """The captures of one host in a directory that all hosts share; None: there is none."""

    __slots__ = ("_address", "_directory")

    def __init__(self, address: str, directory: Path | None) -> None:
        self._address = address
        self._directory = directory

    def make(self, image_id: str, virtual_size_bytes: int) -> CapturedImage:
        """Made again, it is the same file."""
        content = empty_qcow2(virtual_size_bytes, image_id)
        self._file(image_id).write_bytes(content)
        checksum = hashlib.sha256(content).hexdigest()
        return CapturedImage("", checksum, virtual_size_bytes, len(content))

    def path(self, image_id: str) -> str:
        """Refusal IMAGE_UNAVAILABLE if there is no such capture."""
        path = self._file(image_id)
        if not path.exists():
            message = f"There is no capture named {image_id} on this host."
            raise Refusal(AgentRefusal.IMAGE_UNAVAILABLE, message)
        return str(path)

    def drop(self, image_id: str) -> None:
        self._file(image_id).unlink(missing_ok=True)

    def _file(self, image_id: str) -> Path:
        if self._directory is None:
            message = "These simulated hosts have no directory for captures; start them with one."
            raise Refusal(AgentRefusal.DRIVER_FAILED, message)
        if not _FILE_NAME.fullmatch(image_id):
            message = "An image id consists of letters, digits and hyphens."
            raise Refusal(AgentRefusal.IMAGE_UNAVAILABLE, message)
        return self._directory / f"{self._address}.{image_id}.qcow2"
