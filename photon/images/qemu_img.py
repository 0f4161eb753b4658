"""Runs qemu-img over files of strangers, within bounds, with every format said and none guessed.

Only files whose headers passed this package's own inspection get here. The program still gets a
bound on memory, processor time, output and open files, no environment but what it needs, and a low
priority; it dies with the controller, so that a restart finds nobody writing.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import re
import shutil
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from photon.images.errors import ImageToolFailed
from photon.images.span import Span
from photon.images.threads import settled

MEMORY_BYTES_MAX = 2 * 1024**3  # Of addresses: stacks of threads count, and tables of big disks.
OPEN_FILES_MAX = 64  # Two images, and what the program's libraries open.
KEPT_BYTES_MAX = 16 * 1024  # Of an answer or a complaint; the rest is read and dropped.
READ_BYTES = 4096
_PROGRAMS = ("nice", "setpriv", "prlimit", "qemu-img")
_CHECK_DONE = (0, 3)  # 3: clusters that nothing uses, which only waste space.
# Ended by the bound on processor time, or by the machine's want of memory. Any other signal is a
# crash, and a file that crashes its reader is not taken.
_ENDED_BY_OTHERS = (-signal.SIGXCPU, -signal.SIGKILL)
_PERCENT = re.compile(rb"\((\d{1,3})\.\d+/100%\)")

log = logging.getLogger(__name__)


class ImageUnreadable(Exception):
    """qemu-img could not read the image to its end, or calls it corrupt."""


class OutputTooLarge(Exception):
    """The converted image would not fit its bound."""


@dataclass(frozen=True)
class Source:
    """An image to read: `driver` is QEMU's name of its format."""

    path: Path
    span: Span
    driver: str

    def argument(self) -> str:
        """Names the format and the place, and forbids a backing file: nothing is left to guess."""
        file: dict[str, object] = {"driver": "file", "filename": str(self.path)}
        if self.span.offset:
            within = {"offset": self.span.offset, "size": self.span.bytes}
            file = {"driver": "raw", **within, "file": file}
        image: dict[str, object] = {"driver": self.driver, "file": file}
        if self.driver != "raw":
            image["backing"] = None
        return "json:" + json.dumps(image)


@dataclass(frozen=True)
class CheckReport:
    leaks: bool
    compressed: bool


class QemuImg:
    """The conversion program. `seconds_max` bounds each run, in wall-clock and processor time.

    `search_path` is where programs are looked for; None means the environment's PATH. Every method
    raises `ImageToolFailed` when the fault is not the image's.
    """

    def __init__(self, *, seconds_max: int, search_path: str | None = None) -> None:
        self._seconds_max = seconds_max
        found = ((name, shutil.which(name, path=search_path)) for name in _PROGRAMS)
        self._paths = {name: path for name, path in found if path is not None}

    def require(self) -> None:
        """Raises `ImageToolFailed` when a program is not installed: before GiB come in vain.

        A controller without them still runs; it only takes no images.
        """
        missing = [name for name in _PROGRAMS if name not in self._paths]
        if missing:
            raise ImageToolFailed(f"the controller's machine lacks {' and '.join(missing)}")

    async def check(self, source: Source) -> CheckReport:
        """Follows the tables of a qcow2 or VMDK; their data is not read.

        Raises:
            ImageUnreadable: they are corrupt, or point beyond the file's end.
        """
        run = await self._run(
            ["check", "--output=json", source.argument()],
            output_bytes_max=0,
        )
        if run.code not in _CHECK_DONE:
            raise ImageUnreadable
        try:
            report = json.loads(run.output)
        except ValueError as error:
            raise ImageToolFailed("the check gave no answer") from error
        return CheckReport(
            leaks=bool(report.get("leaks")), compressed=bool(report.get("compressed-clusters"))
        )

    async def read_through(
        self, source: Source, virtual_bytes: int, on_percent: Callable[[int], None]
    ) -> None:
        """Reads and decompresses everything, keeps nothing.

        Raises:
            ImageUnreadable: something cannot be read.
        """
        target = f"driver=null-co,size={virtual_bytes}"
        arguments = ["convert", "-p", "-n", source.argument(), "--target-image-opts", target]
        run = await self._run(arguments, output_bytes_max=0, on_percent=on_percent)
        if run.code != 0:
            raise ImageUnreadable

    async def convert(
        self,
        source: Source,
        target: Path,
        *,
        output_bytes_max: int,
        on_percent: Callable[[int], None],
    ) -> None:
        """Writes a standalone qcow2 with the content of `source` to `target`.

        Raises:
            ImageUnreadable: something cannot be read.
            OutputTooLarge: `target` would be larger than `output_bytes_max`.
        """
        options = ["-O", "qcow2", "-o", "compat=1.1,lazy_refcounts=off"]
        arguments = ["convert", "-p", *options, source.argument(), str(target)]
        run = await self._run(arguments, output_bytes_max=output_bytes_max, on_percent=on_percent)
        if run.code == -signal.SIGXFSZ or b"File too large" in run.complaint:
            raise OutputTooLarge
        if b"No space left" in run.complaint:
            raise ImageToolFailed("the disk of the image library became full")
        if run.code != 0:
            raise ImageUnreadable

    async def _run(
        self,
        arguments: list[str],
        *,
        output_bytes_max: int,
        on_percent: Callable[[int], None] | None = None,
    ) -> _Run:
        command = [*self._bounds(output_bytes_max), self._paths["qemu-img"], *arguments]
        # One malloc arena: each would reserve 64 MiB of the addresses that are bounded.
        environment = {"LC_ALL": "C", "MALLOC_ARENA_MAX": "1"}
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, env=environment, cwd="/"
        )
        try:
            async with asyncio.timeout(self._seconds_max):
                run = await _watch(process, on_percent)
        except TimeoutError as error:
            raise ImageToolFailed(f"it took longer than {self._seconds_max} seconds") from error
        finally:
            await _ended(process)
        if run.code in _ENDED_BY_OTHERS:
            raise ImageToolFailed(f"the conversion program was ended by signal {-run.code}")
        if run.code != 0:
            log.info("qemu-img %s ended with %d: %s", arguments[0], run.code, run.complaint)
        return run

    def _bounds(self, output_bytes_max: int) -> list[str]:
        return [
            *(self._paths["nice"], "-n", "10"),
            *(self._paths["setpriv"], "--pdeathsig", "KILL", "--no-new-privs"),
            self._paths["prlimit"],
            f"--as={MEMORY_BYTES_MAX}",
            f"--cpu={self._seconds_max}",
            f"--nofile={OPEN_FILES_MAX}",
            f"--fsize={output_bytes_max}",
            "--core=0",
            "--",
        ]


@dataclass(frozen=True)
class _Run:
    code: int
    output: bytes
    complaint: bytes


async def _watch(process: Process, on_percent: Callable[[int], None] | None) -> _Run:
    assert process.stdout is not None
    assert process.stderr is not None
    async with asyncio.TaskGroup() as readers:
        output = readers.create_task(_read(process.stdout, on_percent))
        complaint = readers.create_task(_read(process.stderr, None))
    return _Run(await process.wait(), output.result(), complaint.result())


async def _read(stream: asyncio.StreamReader, on_percent: Callable[[int], None] | None) -> bytes:
    """The first KEPT_BYTES_MAX of the stream, which is read to its end."""
    kept = bytearray()
    while chunk := await stream.read(READ_BYTES):
        kept += chunk[: KEPT_BYTES_MAX - len(kept)]
        if on_percent is not None and (percents := _PERCENT.findall(chunk)):
            on_percent(int(percents[-1]))
    return bytes(kept)


async def _ended(process: Process) -> None:
    """Kills the process if it still runs, and sees it gone."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await settled(asyncio.ensure_future(process.wait()))
