"""Runs the programs that the build stands on."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

COMMAND_SECONDS = 300.0  # A slow mirror's kernel package is the longest that anything takes.
_HOW_TO_INSTALL = {
    "apt-get": "a Debian or Ubuntu machine",
    "apt-cache": "a Debian or Ubuntu machine",
    "dpkg": "a Debian or Ubuntu machine",
    "mke2fs": "apt-get install e2fsprogs",
    "qemu-img": "apt-get install qemu-utils",
}


class BuildFailed(Exception):
    """The image cannot be built; the message says what to do."""


def run(
    command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> str:
    """What the command printed.

    Raises:
        BuildFailed: it is not installed, failed, or took longer than COMMAND_SECONDS.
    """
    try:
        done = subprocess.run(
            list(command),
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        need = _HOW_TO_INSTALL.get(command[0], command[0])
        raise BuildFailed(f"{command[0]} is not on this machine. It needs: {need}") from error
    except subprocess.TimeoutExpired as error:
        raise BuildFailed(f"{command[0]} took longer than {COMMAND_SECONDS:.0f} s.") from error
    if done.returncode != 0:
        raise BuildFailed(f"`{' '.join(command)}` failed: {done.stderr.strip()[-2000:]}")
    return done.stdout
