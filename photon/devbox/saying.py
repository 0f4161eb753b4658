"""What the devbox's commands say, and how they end."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable

import click

from photon.devbox.cloud import DevboxFailed
from photon.devbox.first_vm import GuestSilent
from photon.devbox.layout import FOLDER_VARIABLE
from photon.devbox.programs import ProgramFailed
from photon.guestimage.commands import BuildFailed
from photon.sdk.errors import SdkError

_FAILURES = (DevboxFailed, ProgramFailed, GuestSilent, BuildFailed, SdkError, OSError)


def saying() -> Callable[[str], None]:
    """Says each thing that is done, with the seconds since the start."""
    began = time.monotonic()
    return lambda text: click.echo(f"[{time.monotonic() - began:6.1f} s] {text}")


def guarded(work: Callable[[], None]) -> None:
    """Runs `work`; what goes wrong is said in words, with exit status 1."""
    try:
        work()
    except _FAILURES as problem:
        click.echo(f"devbox: {_sentence(problem)}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def until_interrupted() -> None:
    done = threading.Event()
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda *_: done.set())
    done.wait()


def _sentence(problem: Exception) -> str:
    if isinstance(problem, OSError) and problem.filename is not None:
        return (
            f"{problem.filename}: {problem.strerror}. Mend that, or name another folder for all "
            f"data with {FOLDER_VARIABLE}."
        )
    return str(problem)
