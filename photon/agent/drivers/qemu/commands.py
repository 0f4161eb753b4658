"""Runs the host's short-lived programs: qemu-img, ip, dnsmasq."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from photon.domain.guest import AgentRefusal, Refusal

COMMAND_SECONDS = 30.0  # None takes a second on a host that is well.
ERROR_CHARACTERS_MAX = 500  # of what a program said, for a message


class CommandFailed(Refusal):
    """A program of the host failed or is not there."""

    def __init__(self, message: str) -> None:
        super().__init__(AgentRefusal.DRIVER_FAILED, message)


@contextmanager
def on_the_host(what: str) -> Iterator[None]:
    """Says no, and why, when the host's file system does: full, read-only, or broken."""
    try:
        yield
    except OSError as error:
        raise CommandFailed(f"{what} failed on this host: {error.strerror or error}.") from error


async def run(*command: str, seconds: float = COMMAND_SECONDS) -> str:
    """What the program printed. It is killed at the deadline, or when the caller is cancelled.

    Raises:
        CommandFailed: it is not installed, failed, or was killed.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except FileNotFoundError as error:
        raise CommandFailed(f"{command[0]} is not on this host: install it.") from error
    try:
        async with asyncio.timeout(seconds):
            out, said = await process.communicate()
    except TimeoutError as error:
        raise CommandFailed(f"{command[0]} took longer than {seconds:.0f} s.") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        text = said.decode(errors="replace").strip()[-ERROR_CHARACTERS_MAX:]
        raise CommandFailed(f"`{' '.join(command[:3])} …` failed: {text}")
    return out.decode(errors="replace")
