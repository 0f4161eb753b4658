"""How much the library takes on. Sizes in bytes, waits in seconds."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB


@dataclass(frozen=True)
class ImageLimits:
    """The bounds of one library; an installation may set its own."""

    # The stored file and the file received: what one ordinary datastore can hold.
    file_bytes_max: int = 2 * TIB
    # The disk that a guest sees: the largest that ext4 and every hypervisor we drive take.
    virtual_bytes_max: int = 16 * TIB
    # Left to the rest of the machine: a full file system stops the controller's store as well.
    free_bytes_min: int = 1 * GIB
    # Each holds a connection, one or two file handles and a few MiB; more only share one disk.
    uploads_max: int = 16
    # For one MiB to arrive: 17 KB/s. Slower clients would hold one of the few places for days.
    batch_seconds_max: int = 60
    # A conversion keeps a processor busy; the controller needs the others.
    conversions_max: int = 2
    # For one run of the conversion program: 2 TiB at 200 MB/s is under three hours.
    tool_seconds_max: int = 3 * 3600
