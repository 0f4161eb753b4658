"""`photon-agent`: the program on each host."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
import uvloop

from photon.agent.app import Ready, serve
from photon.agent.config import (
    AgentConfig,
    BadConfig,
    DriverName,
    QemuConfig,
    SimulatedConfig,
    TlsFiles,
    datastores_of,
    latencies_of,
    pool_of,
)
from photon.agent.drivers.simulated_site import HostShape
from photon.agent.hosts import Credentials
from photon.agent.journal import JournalDamaged

# Calls make and drop many small objects that never form cycles; looking for cycles after every 700
# of them, as Python does by itself, took a quarter of a call's time.
GC_THRESHOLDS = (50_000, 20, 50)
CONFIG_EXIT_CODE = 2

_DEFAULTS = HostShape()


@click.command(context_settings={"show_default": True, "max_content_width": 100})
@click.option(
    "--driver",
    type=click.Choice([name.value for name in DriverName]),
    required=True,
    help="Who runs the guests.",
)
@click.option("--listen", default="127.0.0.1:8835", help="Where controllers call, host:port.")
@click.option(
    "--console-listen", default="127.0.0.1:0", help="Where consoles and captures are served."
)
@click.option(
    "--console-host", help="The name or address that tickets give for it, if it is another."
)
@click.option(
    "--state-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="What the agent remembers, and the guests' files. Needed for QEMU; simulated hosts "
    "without one are gone when the process ends.",
)
@click.option("--username", help="What controllers must show. Without it, any name will do.")
@click.option(
    "--password-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The password that goes with --username: the file's first line.",
)
@click.option("--tls-certificate", type=click.Path(path_type=Path), help="PEM; with the next two.")
@click.option("--tls-key", type=click.Path(path_type=Path), help="PEM.")
@click.option(
    "--tls-client-ca", type=click.Path(path_type=Path), help="Who signs callers' certificates."
)
@click.option("--log-level", default="INFO", help="Of the log on standard error.")
@click.option("--network", multiple=True, default=["VM Network"], help="A port group; repeatable.")
@click.option("--hosts", default=1, help="[simulated] How many, named sim-00001 and so on.")
@click.option("--first-host", default=1, help="[simulated] The number in the first one's name.")
@click.option("--cpus", default=_DEFAULTS.cpus, help="[simulated] Of each host.")
@click.option("--memory-mib", default=_DEFAULTS.memory_mib, help="[simulated] Of each host.")
@click.option("--datastore-gib", default=_DEFAULTS.datastore_gib, help="[simulated] Of each one.")
@click.option(
    "--own-datastores", is_flag=True, help="[simulated] One for each host, not one for all."
)
@click.option(
    "--latency",
    multiple=True,
    metavar="NAME=SECONDS",
    help="[simulated] How long an operation takes, such as create_vm=0.5; repeatable.",
)
@click.option(
    "--datastore",
    multiple=True,
    metavar="NAME=DIRECTORY[,shared]",
    help="[qemu] Where disks lie; the first holds images too. Shared: a file system that other "
    "hosts mount as well. Default: one in the state directory.",
)
@click.option(
    "--network-pool", metavar="CIDR", help="[qemu] Each port group takes one subnet of it."
)
@click.option(
    "--network-scope",
    default="",
    help="[qemu] Another word for each agent, if several on this machine have a network.",
)
@click.option(
    "--accel",
    type=click.Choice(["auto", "kvm", "tcg"]),
    default="auto",
    help="[qemu] What runs guests.",
)
def main(**options: Any) -> None:
    """Runs the agent of a host, or of many simulated ones, until SIGTERM or SIGINT.

    When it can be called, it prints one line of JSON with the addresses on which it listens.
    Guests run on when it ends, and it finds them again.
    """
    logging.basicConfig(
        level=options["log_level"].upper(),
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        config = _config(options)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(config))
    except (BadConfig, JournalDamaged) as problem:
        click.echo(f"photon-agent: {problem}", err=True)
        sys.exit(CONFIG_EXIT_CODE)


async def _run(config: AgentConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve(config, stop, _announce)


def _announce(ready: Ready) -> None:
    gc.freeze()  # What start made stays; it need not be looked through again and again.
    click.echo(msgspec.json.encode(ready).decode())
    sys.stdout.flush()


def _config(options: dict[str, Any]) -> AgentConfig:
    return AgentConfig(
        driver=DriverName(options["driver"]),
        listen=options["listen"],
        console_listen=options["console_listen"],
        console_host=options["console_host"],
        state_dir=options["state_dir"],
        credentials=_credentials(options["username"], options["password_file"]),
        tls=_tls(options["tls_certificate"], options["tls_key"], options["tls_client_ca"]),
        simulated=SimulatedConfig(
            hosts=options["hosts"],
            first_host=options["first_host"],
            shape=HostShape(
                options["cpus"],
                options["memory_mib"],
                options["datastore_gib"],
                tuple(options["network"]),
                datastore_shared=not options["own_datastores"],
            ),
            latencies=latencies_of(options["latency"]),
        ),
        qemu=QemuConfig(
            datastores_of(options["datastore"]),
            tuple(options["network"]),
            pool_of(options["network_pool"]),
            options["network_scope"],
            options["accel"],
        ),
    )


def _credentials(username: str | None, password_file: Path | None) -> Credentials | None:
    if username is None and password_file is None:
        return None
    if not username or password_file is None:
        raise BadConfig("--username and --password-file go together.")
    password = password_file.read_text().partition("\n")[0]
    if not password:
        raise BadConfig(f"The first line of {password_file} is empty; it is the password.")
    return Credentials(username, password)


def _tls(certificate: Path | None, key: Path | None, client_ca: Path | None) -> TlsFiles | None:
    if certificate is None and key is None and client_ca is None:
        return None
    if certificate is None or key is None or client_ca is None:
        raise BadConfig("--tls-certificate, --tls-key and --tls-client-ca go together.")
    return TlsFiles(certificate, key, client_ca)
