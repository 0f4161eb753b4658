"""One of the system's programs as a process of its own, which can be killed and started again."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Any

import msgspec

LOG_LINES_SHOWN = 20
READY_SECONDS_MAX = 60.0  # A loaded machine imports slowly.
STOP_SECONDS_MAX = 60.0


class Program:
    """`python -m module`. It says one line of JSON when it is ready: `ready`.

    A port that it was given by the system is its own from then on, over every restart.
    """

    def __init__(self, module: str, log: Path, *arguments: str) -> None:
        self._module = module
        self._arguments = list(arguments)
        self._log = log
        self._process: Process | None = None
        self.ready: dict[str, Any] = {}

    async def start(self) -> None:
        with self._log.open("ab") as errors:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                self._module,
                *self._arguments,
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=errors,
            )
        assert self._process.stdout is not None
        async with asyncio.timeout(READY_SECONDS_MAX):
            line = await self._process.stdout.readline()
        assert line, f"{self._module} did not start:\n{self.last_words()}"
        self.ready = msgspec.json.decode(line)
        listens = (self.ready.get("listening") or self.ready["listen"]).removeprefix("http://")
        self._arguments[self._arguments.index("--listen") + 1] = listens

    async def kill(self) -> None:
        """As a power cut would, for the process: nothing of its own runs any more."""
        assert self._process is not None
        self._process.kill()
        await self._process.wait()

    def freeze(self) -> None:
        """It neither runs nor answers, and nobody's connection to it ends."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def stop(self) -> int:
        """Ends it in order; its exit status."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.terminate()
            async with asyncio.timeout(STOP_SECONDS_MAX):
                await self._process.wait()
        assert self._process.returncode is not None
        return self._process.returncode

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self) -> int:
        """Waits until it has ended by itself; its exit status."""
        assert self._process is not None
        return await self._process.wait()

    async def end(self) -> None:
        """However it is; for a test that failed."""
        if self._process is not None and self._process.returncode is None:
            await self.kill()

    def last_words(self) -> str:
        return "\n".join(self.words().splitlines()[-LOG_LINES_SHOWN:])

    def words(self) -> str:
        """All that it said on its error output."""
        return self._log.read_text(errors="replace")
