"""Proof that a thrift struct in strict binary protocol lies wholly inside its frame.

The Cython decoder trusts the lengths that it reads: past the end of its buffer it goes on with
whatever is in memory, and a made-up count keeps it busy for hours. So each struct is walked here
first. What passes is well-formed, holds no more elements than allowed, and is nested no deeper
than our own messages ever are.
"""

from __future__ import annotations

from struct import Struct, error

from photon.rpc.errors import MalformedMessage

DEPTH_MAX = 16  # Our deepest message is 6 deep; the rest is room for newer peers.
ELEMENTS_MAX = 1_000_000  # Of all lists and maps together; a full report page has some 50,000.

_STOP, _STRING, _STRUCT, _MAP, _SET, _LIST = 0, 11, 12, 13, 14, 15
_FIXED_SIZES = [0] * 256  # Bytes of each type that always has the same size; 0 for the others.
for _type, _size in ((2, 1), (3, 1), (4, 8), (6, 2), (8, 4), (10, 8)):
    _FIXED_SIZES[_type] = _size
_LENGTH = Struct(">i").unpack_from
_LIST_HEAD = Struct(">Bi").unpack_from
_MAP_HEAD = Struct(">BBi").unpack_from


def check_struct(frame: bytes, at: int, elements_max: int = ELEMENTS_MAX) -> None:
    """Walks the struct that starts at `at` and must end where the frame ends.

    Raises:
        MalformedMessage: it does not, or is larger or deeper than allowed.
    """
    try:
        end = _Walk(frame, elements_max).struct_end(at, DEPTH_MAX)
    except (IndexError, error) as problem:
        raise MalformedMessage("a message ends in the middle of a field") from problem
    if end != len(frame):
        raise MalformedMessage("a message does not end where its frame ends")


class _Walk:
    """One pass over one frame; it never copies, and remembers only how many elements it saw."""

    __slots__ = ("_elements_left", "_frame")

    def __init__(self, frame: bytes, elements_max: int) -> None:
        self._frame = frame
        self._elements_left = elements_max

    def struct_end(self, at: int, depth_left: int) -> int:
        frame, fixed_sizes = self._frame, _FIXED_SIZES
        while kind := frame[at]:
            if size := fixed_sizes[kind]:
                at += 3 + size
            elif kind == _STRING:
                (length,) = _LENGTH(frame, at + 3)
                if length < 0:
                    raise MalformedMessage("a string has a negative length")
                at += 7 + length
            elif kind == _STRUCT and depth_left:
                at = self.struct_end(at + 3, depth_left - 1)
            else:
                at = self._value_end(kind, at + 3, depth_left)
        return at + 1

    def _value_end(self, kind: int, at: int, depth_left: int) -> int:
        if size := _FIXED_SIZES[kind]:
            return at + size
        if kind == _STRING:
            (length,) = _LENGTH(self._frame, at)
            if length < 0:
                raise MalformedMessage("a string has a negative length")
            return at + 4 + int(length)
        if depth_left == 0:
            raise MalformedMessage("a message is nested too deep")
        if kind == _STRUCT:
            return self.struct_end(at, depth_left - 1)
        if kind in (_LIST, _SET):
            element, count = _LIST_HEAD(self._frame, at)
            self._spend(count)
            return self._elements_end(element, count, at + 5, depth_left - 1)
        if kind == _MAP:
            return self._map_end(at, depth_left - 1)
        raise MalformedMessage("a field has a type that thrift does not know")

    def _elements_end(self, kind: int, count: int, at: int, depth_left: int) -> int:
        if size := _FIXED_SIZES[kind]:
            return at + size * count
        frame_bytes = len(self._frame)
        if kind == _STRUCT and depth_left:  # Most lists: one call an element is saved.
            for _ in range(count):
                at = self.struct_end(at, depth_left - 1)
            return at
        for _ in range(count):
            at = self._value_end(kind, at, depth_left)
            if at > frame_bytes:
                raise MalformedMessage("a list is longer than its frame")
        return at

    def _map_end(self, at: int, depth_left: int) -> int:
        key, value, count = _MAP_HEAD(self._frame, at)
        self._spend(count)
        at += 6
        for _ in range(count):
            at = self._value_end(key, at, depth_left)
            at = self._value_end(value, at, depth_left)
        return at

    def _spend(self, count: int) -> None:
        if not 0 <= count <= self._elements_left:
            raise MalformedMessage("a list or map has an impossible number of elements")
        self._elements_left -= count
