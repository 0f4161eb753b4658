"""What the library says of a file that it has taken."""

from __future__ import annotations

from dataclasses import dataclass

from photon.domain.image import ImageSetting


@dataclass(frozen=True)
class StoredImage:
    """A file on the shelf, and what the image it came from says of the machine."""

    checksum: str  # sha256 of the file, lowercase hex
    file_size_bytes: int
    virtual_size_bytes: int  # of the disk that a guest sees
    settings: tuple[ImageSetting, ...]
