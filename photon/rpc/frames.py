"""Cuts a byte stream into frames: a 4-byte big-endian length, then that many bytes."""

from __future__ import annotations

from struct import Struct

from photon.rpc.errors import MalformedMessage

_LENGTH = Struct(">I").unpack_from
LENGTH_BYTES = 4


class FrameCutter:
    """Keeps what is not yet a whole frame; never more than one frame and one read."""

    __slots__ = ("_frame_bytes_max", "_rest")

    def __init__(self, frame_bytes_max: int) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._rest = bytearray()

    @property
    def has_part_of_a_frame(self) -> bool:
        return bool(self._rest)

    def cut(self, received: bytes) -> list[bytes]:
        """All frames that are whole now.

        Raises:
            MalformedMessage: a frame announces more than `frame_bytes_max`; nothing after it can
                be read, so the connection must go.
        """
        rest = self._rest
        rest += received
        frames, at, available = [], 0, len(rest)
        while available - at >= LENGTH_BYTES:
            (length,) = _LENGTH(rest, at)
            if length > self._frame_bytes_max:
                raise MalformedMessage(
                    f"a frame of {length} bytes is announced; {self._frame_bytes_max} are allowed"
                )
            end = at + LENGTH_BYTES + length
            if end > available:
                break
            frames.append(bytes(rest[at + LENGTH_BYTES : end]))
            at = end
        del rest[:at]
        return frames
