"""`python -m photon.controller`: one controller with an embedded CloudStore."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import click

from photon.controller.config import DEFAULT_LISTEN, ControllerConfig
from photon.controller.serve import run
from photon.store.errors import SchemaTooNew, StoreLocked
from photon.tasks.runner import TASKS_RUNNING_MAX, TASKS_WAITING_MAX, TaskLimits


@click.command(epilog="Example: python -m photon.controller --data-dir /var/lib/photon")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Where the CloudStore and the images are kept. One controller at a time.",
)
@click.option("--listen", default=DEFAULT_LISTEN, show_default=True, help="HOST:PORT of the API.")
@click.option("--advertise", default="", help="URL by which agents reach this controller.")
@click.option("--name", default="controller-1", show_default=True, help="Shown in the status.")
@click.option(
    "--workers",
    type=click.IntRange(1, 2048),
    default=TASKS_RUNNING_MAX,
    show_default=True,
    help="Tasks that run at once.",
)
@click.option(
    "--queue",
    type=click.IntRange(0, 100_000),
    default=TASKS_WAITING_MAX,
    show_default=True,
    help="Tasks that may wait beyond those; more are answered 503.",
)
@click.option("--verbose", is_flag=True, help="Log what is done, not only what goes wrong.")
def main(  # noqa: PLR0913  # click gives each option as an argument
    data_dir: Path,
    listen: str,
    advertise: str,
    name: str,
    workers: int,
    queue: int,
    verbose: bool,
) -> None:
    """Serves the API, runs tasks and schedules, until SIGTERM."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit():
        raise click.BadParameter(f"'{listen}' is not HOST:PORT", param_hint="--listen")
    config = ControllerConfig(
        data_dir=data_dir.resolve(),
        listen_host=host.strip("[]"),
        listen_port=int(port),
        advertise=advertise.rstrip("/"),
        name=name,
        limits=TaskLimits(workers, queue),
    )
    try:
        sys.exit(run(config))
    except (StoreLocked, SchemaTooNew) as problem:
        raise click.ClickException(str(problem)) from problem
    except OSError as problem:
        raise click.ClickException(f"cannot listen on {listen}: {problem.strerror}") from problem


if __name__ == "__main__":
    main()
