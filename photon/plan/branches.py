"""Plays several futures of one simulation: each in a process of its own, from the same moment.

The simulation has no threads, no sockets and no clock but its own, so a fork of the process is a
copy of the cloud. None of them sees another, and which ends first changes nothing.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import struct
import traceback
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final, NoReturn, TypeVar

import msgspec

from photon.plan.problems import PlanFailed
from photon.plan.progress import Progress

# Each has its own copy of what it changes of the cloud; more than this is for larger machines.
JOBS_MAX: Final = 4
READ_BYTES: Final = 1 << 16  # What a pipe holds.
_HEAD: Final = struct.Struct(">cI")
_STEP: Final = b"s"
_RESULT: Final = b"r"
_FAILED: Final = b"f"

T = TypeVar("T")
# What a branch does; it is given what to call at each step.
Work = Callable[[Progress], Coroutine[Any, Any, T]]


async def played(
    works: Sequence[Work[T]], answer: type[T], progress: Progress, jobs: int
) -> list[T]:
    """Their answers, in order. Raises PlanFailed with what one of them died of."""
    found: dict[int, T] = {}
    running: dict[int, _Branch] = {}  # by the pipe's end
    waiting = list(enumerate(works))
    try:
        while waiting or running:
            while waiting and len(running) < max(1, min(jobs, JOBS_MAX)):
                place, work = waiting.pop(0)
                branch = _Branch(place, *await _fork(work))
                running[branch.pipe] = branch
            ready, _, _ = select.select(list(running), [], [])
            for pipe in ready:
                branch = running[pipe]
                result = branch.read(progress)
                if result is not None:
                    found[branch.place] = msgspec.json.decode(result, type=answer)
                    del running[pipe]
                    branch.end()
    finally:
        for branch in running.values():
            branch.kill()
    return [found[place] for place in range(len(works))]


async def _fork(work: Work[Any]) -> tuple[int, int]:
    """The child's id, and the pipe's end at which it is heard."""
    loop = asyncio.get_running_loop()
    hears, says = os.pipe()
    child = os.fork()
    if child:
        os.close(says)
        return child, hears
    os.close(hears)
    # asyncio takes a loop for running in the process alone that started it.
    asyncio._set_running_loop(loop)
    await _live(work, says)
    raise AssertionError("a branch ends in itself")


async def _live(work: Work[Any], says: int) -> NoReturn:
    """All of a child's life: what it found, or what it died of, and nothing of its parent's."""
    code = 1
    try:
        result = msgspec.json.encode(await work(_Told(says)))
        _say(says, _RESULT, result)
        code = 0
    except PlanFailed as failed:
        _say(says, _FAILED, str(failed).encode())
    except BaseException:  # The child must end here: above it is its parent's program.
        with suppress(BrokenPipeError):  # nobody listens any more
            _say(says, _FAILED, traceback.format_exc().encode())
    os._exit(code)


class _Told:
    """A child's progress, told to its parent."""

    def __init__(self, says: int) -> None:
        self._says = says

    def stage(self, what: str, total: int) -> None:
        return

    def step(self) -> None:
        _say(self._says, _STEP, b"")


def _say(says: int, kind: bytes, content: bytes) -> None:
    left = _HEAD.pack(kind, len(content)) + content
    while left:
        left = left[os.write(says, left) :]


class _Branch:
    def __init__(self, place: int, child: int, pipe: int) -> None:
        self.place = place
        self.pipe = pipe
        self._child = child
        self._heard = b""

    def read(self, progress: Progress) -> bytes | None:
        """The result, once it is there. Raises PlanFailed."""
        more = os.read(self.pipe, READ_BYTES)
        self._heard += more
        while len(self._heard) >= _HEAD.size:
            kind, size = _HEAD.unpack_from(self._heard)
            if len(self._heard) < _HEAD.size + size:
                break
            content = self._heard[_HEAD.size : _HEAD.size + size]
            self._heard = self._heard[_HEAD.size + size :]
            if kind == _RESULT:
                return content
            if kind == _FAILED:
                raise PlanFailed(content.decode())
            progress.step()
        if not more:
            raise PlanFailed("a part of the simulation ended without a word; was it killed?")
        return None

    def end(self) -> None:
        os.close(self.pipe)
        os.waitpid(self._child, 0)

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._child, signal.SIGKILL)
        self.end()
