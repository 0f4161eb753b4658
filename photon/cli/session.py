"""One run of the command line: what was asked for, and the client that asks it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from photon.cli.remembered import Remembered, recall, remembered_file

if TYPE_CHECKING:  # what is loaded when the API is first asked
    from photon.sdk.client import Client

OUTPUTS: Final = ("human", "json", "id")
RETRIES_MAX = 4  # 3 s in all: a controller restarts in less, and a person waits no longer
WAIT_SECONDS = 1800.0  # as the client's own patience for a task


@dataclass
class Session:
    """`options` holds the common options that were given, by name."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    options: dict[str, str] = field(default_factory=dict)
    no_wait: bool = False
    wait_seconds: float = WAIT_SECONDS
    retries_max: int = RETRIES_MAX

    @property
    def output(self) -> str:
        return self.options.get("output", OUTPUTS[0])

    @property
    def file(self) -> Path:
        return remembered_file(self.environ)

    @cached_property
    def remembered(self) -> Remembered:
        return recall(self.file)

    def said(self, name: str) -> str | None:
        """The option, else the environment, else what is remembered."""
        return (
            self.options.get(name)
            or self.environ.get(f"PHOTON_{name.upper()}")
            or getattr(self.remembered, name)
        )

    @property
    def target(self) -> str:
        target = self.said("target")
        if target is None:
            raise click.UsageError(
                "There is no target yet. Set one, as in `photon target set http://127.0.0.1:9000`, "
                "or give --target or $PHOTON_TARGET."
            )
        return as_target(target)

    @cached_property
    def client(self) -> Client:
        from photon.sdk.client import Client, Settings

        settings = Settings(
            token=self.environ.get("PHOTON_TOKEN"),
            ca_file=self.environ.get("PHOTON_CA_FILE"),
            retries_max=self.retries_max,
        )
        client = Client(self.target, settings)
        # The shell's completion runs no command: there it lives as long as the process.
        context = click.get_current_context(silent=True)
        if context is not None:
            context.find_root().call_on_close(client.close)
        return client

    @cached_property
    def tenant_id(self) -> str:
        from photon.cli.names import tenant_id

        return tenant_id(self)

    @cached_property
    def project_id(self) -> str:
        from photon.cli.names import project_id

        return project_id(self)


def as_target(text: str) -> str:
    """`text` as the address of an API; http:// is what most mean who leave it out."""
    url = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not match, or a port that is no number
        known = False
    if not known:
        raise click.UsageError(
            f"{text!r} is no address of an API. Write it as http://HOST:PORT or https://HOST."
        )
    return url.rstrip("/")


pass_session = click.make_pass_decorator(Session, ensure=True)
