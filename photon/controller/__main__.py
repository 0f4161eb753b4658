"""`python -m photon.controller`: one controller, with an embedded CloudStore or a shared one."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from photon.controller.config import ControllerConfig
from photon.controller.configure import configured, shown
from photon.controller.process import StoppedWhileStarting
from photon.controller.serve import run
from photon.controller.settings import SETTINGS, Setting, SettingsWrong, read_settings
from photon.store.errors import StoreNotOpened

EPILOG = (
    "A setting comes from its flag, else from its variable, such as PHOTON_DATA_DIR, else from the "
    "file (TOML, such as data_dir = '/var/lib/photon'), else by default. Example: "
    "python -m photon.controller --data-dir /var/lib/photon"
)


def _flags(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each setting; what it says is read with the others."""
    for setting in reversed(SETTINGS):
        command = _option(setting)(command)
    return command


def _option(setting: Setting) -> Callable[[Callable[..., None]], Callable[..., None]]:
    default = "" if setting.default in (None, "", False) else f"  [default: {setting.default}]"
    if isinstance(setting.default, bool):
        return click.option(setting.flag, setting.name, flag_value="true", help=setting.help)
    return click.option(setting.flag, setting.name, help=setting.help + default)


@click.command(epilog=EPILOG)
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="Settings, as TOML."
)
@click.option("--check", is_flag=True, help="Say whether the settings are in order, and end.")
@_flags
def main(config: Path | None, check: bool, **flags: Any) -> None:
    """Serves the API, runs tasks and schedules, until SIGTERM."""
    try:
        settings = read_settings(flags, os.environ, config)
        chosen = configured(settings)
    except SettingsWrong as wrong:
        for problem in wrong.problems:
            click.echo(problem, err=True)
        sys.exit(2)
    if check:
        _show([*shown(settings)])
        return
    _run(chosen)


def _show(rows: list[tuple[str, str, str]]) -> None:
    widths = [max(len(row[at]) for row in rows) for at in range(2)]
    for name, value, source in rows:
        click.echo(f"{name:{widths[0]}}  {value:{widths[1]}}  {source}")
    click.echo("The settings are in order.")


def _run(config: ControllerConfig) -> None:
    logging.basicConfig(
        level=logging.INFO if config.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    listen = f"{config.listen_host}:{config.listen_port}"
    try:
        sys.exit(run(config))
    except (StoreNotOpened, StoppedWhileStarting) as problem:
        raise click.ClickException(str(problem)) from problem
    except OSError as problem:
        raise click.ClickException(f"cannot listen on {listen}: {problem.strerror}") from problem


if __name__ == "__main__":
    main()
