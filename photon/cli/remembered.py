"""What the command line remembers between runs: target, tenant and project."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import click

FILE_MODE = 0o600  # which systems somebody works on is nobody else's business


@dataclass(frozen=True, slots=True)
class Remembered:
    """Names as they were typed; they are looked up each time."""

    target: str | None = None
    tenant: str | None = None
    project: str | None = None


def remembered_file(environ: Mapping[str, str]) -> Path:
    """Where the XDG base directory specification wants it."""
    home = environ.get("XDG_CONFIG_HOME") or Path(environ.get("HOME", "~")).expanduser() / ".config"
    return Path(home) / "photon" / "config.toml"


def recall(file: Path) -> Remembered:
    """What `file` says; nothing when there is no such file."""
    try:
        said = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Remembered()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise click.ClickException(
            f"{file} cannot be read ({error}). Mend or delete it, then set the target again."
        ) from error
    known = {field.name for field in fields(Remembered)}
    return Remembered(
        **{key: value for key, value in said.items() if key in known and isinstance(value, str)}
    )


def remember(file: Path, remembered: Remembered) -> None:
    """Writes it whole or not at all, so that an interrupted command forgets nothing."""
    lines = [
        # A JSON string is a TOML string too.
        f"{field.name} = {json.dumps(value)}\n"
        for field in fields(remembered)
        if (value := getattr(remembered, field.name)) is not None
    ]
    new = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(new, "w", encoding="utf-8", opener=_private) as stream:
            stream.writelines(lines)
        new.replace(file)
    except OSError as error:
        raise click.ClickException(
            f"{file} cannot be written ({error.strerror}). Set $XDG_CONFIG_HOME to your own."
        ) from error


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, FILE_MODE)
