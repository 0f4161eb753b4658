"""What happened, a line each: the same seed and the same code give the same bytes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from typing import Final, TextIO

TAIL_MAX: Final = 20_000  # Lines that are kept: some minutes of the simulated time, for a story.


class Trace:
    """`say` writes a line; `now` tells the simulated time. With `file`, every line goes there too.

    Values are written as they are: a field's order is its caller's, and nothing may be in it that
    differs from run to run, such as an address or a set.
    """

    def __init__(self, now: Callable[[], float], file: TextIO | None = None) -> None:
        self._now = now
        self._file = file
        self._hash = blake2b(digest_size=16)
        self._tail: deque[str] = deque(maxlen=TAIL_MAX)
        self.lines = 0

    def say(self, kind: str, **fields: object) -> None:
        told = "".join([f" {name}={value}" for name, value in fields.items()])
        self.line(f"{self._now():.6f} {kind}{told}")

    def line(self, line: str) -> None:
        self._hash.update(line.encode())
        self._hash.update(b"\n")
        self._tail.append(line)
        self.lines += 1
        if self._file is not None:
            print(line, file=self._file)

    def hash(self) -> str:
        """Of all lines so far, in hexadecimal digits."""
        return self._hash.hexdigest()

    def tail(self, lines: int) -> list[str]:
        """The last ones, oldest first; TAIL_MAX at most."""
        return list(self._tail)[-lines:]
