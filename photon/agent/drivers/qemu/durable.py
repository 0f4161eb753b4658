"""Files that are there whole or not at all, also after the power was cut."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

MAKING = ".new-"  # names of what is not finished
GOING = ".gone-"  # names of what is being removed


def write_durably(path: Path, content: bytes) -> None:
    """Replaces the file at once: a reader sees the old content or the new one."""
    making = path.with_name(MAKING + path.name)
    with making.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(making, path)
    sync_directory(path.parent)


def sync_file(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(making: Path, path: Path) -> None:
    """Gives a finished file or directory its name, for good."""
    if making.is_dir():
        for file in making.iterdir():
            sync_file(file)
        sync_directory(making)
    else:
        sync_file(making)
    os.replace(making, path)
    sync_directory(path.parent)


def make_fresh(directory: Path) -> None:
    """Makes the directory empty, whatever an earlier try left in it."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()


def remove_directory(path: Path) -> None:
    """Removes the directory at once for whoever looks, then what was in it."""
    going = path.with_name(GOING + path.name)
    shutil.rmtree(going, ignore_errors=True)
    try:
        os.replace(path, going)
    except FileNotFoundError:
        return
    sync_directory(path.parent)
    shutil.rmtree(going, ignore_errors=True)


def sweep(directory: Path) -> None:
    """Removes what was being made or removed when the power went or the agent died."""
    for path in directory.iterdir():
        if not path.name.startswith((MAKING, GOING)):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
