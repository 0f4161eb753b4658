"""The order in which the control plane decided of the images on one host.

Who deletes an image has seen that nobody has it. By the time that the call arrives somebody may
have uploaded it again, and had it fetched: then the deletion was decided before the fetch, and is
refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from photon.agent.fences import refuse_below
from photon.agent.journal import Journal

# A host has some dozens of images. Of more, the one that nothing was said of for the longest is
# forgotten: a copy that is then deleted late is fetched again.
IMAGES_REMEMBERED_MAX: Final = 256


class ImageFences:
    """Highest fences by checksum, kept in the journal under `prefix`."""

    __slots__ = ("_fences", "_journal", "_prefix")

    def __init__(self, prefix: str, journal: Journal, remembered: Mapping[str, bytes]) -> None:
        self._prefix = prefix
        self._journal = journal
        self._fences: dict[str, int] = {}
        for key, value in remembered.items():
            kind, _, checksum = key.partition("/")
            if kind == "image-fence":
                self._fences[checksum] = int(value)

    def check(self, checksum: str, fence: int) -> None:
        """Refusal STALE_FENCE if something decided later has been done to it."""
        refuse_below(f"the image {checksum}", fence, self._fences.get(checksum, 0))

    def pass_(self, checksum: str, fence: int) -> None:
        """Remembers it; the journal writes it with what comes next."""
        if fence <= self._fences.get(checksum, -1):
            return
        self._fences.pop(checksum, None)
        self._fences[checksum] = fence
        self._journal.put(self._key(checksum), b"%d" % fence)
        if len(self._fences) > IMAGES_REMEMBERED_MAX:
            self._drop(next(iter(self._fences)))

    def clear(self) -> None:
        """The host was given back: its next owner counts from anew."""
        for checksum in list(self._fences):
            self._drop(checksum)

    def _drop(self, checksum: str) -> None:
        del self._fences[checksum]
        self._journal.put(self._key(checksum), None)

    def _key(self, checksum: str) -> str:
        return f"{self._prefix}/image-fence/{checksum}"
