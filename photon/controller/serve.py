"""Serves a controller over HTTP until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

import click
import msgspec
import uvicorn
import uvloop

from photon.controller.config import ControllerConfig
from photon.controller.http_config import http_config
from photon.controller.http_protocol import CLOSING
from photon.controller.outside import real_outside
from photon.controller.process import ControllerProcess

BACKLOG: Final = 2048
# Requests make many objects and few cycles: looking for those after every 700 costs 30 µs a VM.
COLLECT_AFTER: Final = (50_000, 20, 50)
# The thread that waits for the disk asks for the interpreter when a commit is durable; every task
# of the group waits for it meanwhile.
SWITCH_SECONDS: Final = 0.001


class _Server(uvicorn.Server):
    """Says where it listens as soon as it does, and who waits for something when it closes."""

    def __init__(
        self, config: uvicorn.Config, controller: ControllerProcess, *, farewell_seconds: float
    ) -> None:
        super().__init__(config)
        self._controller = controller
        self._farewell_seconds = farewell_seconds

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves them to us: uvicorn would end the process before the controller has."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        yield

    def _stop(self) -> None:
        """Load balancers are told, and have time to hear it. Asked again, it waits for nobody."""
        if self._controller.leaving:
            self.force_exit = self.should_exit
            self.should_exit = True
            return
        self._controller.leaving = True
        # Who has a connection makes its next request on a new one, which a balancer sends on.
        self.config.encoded_headers.append(CLOSING)
        self.server_state.default_headers.append(CLOSING)
        asyncio.get_running_loop().call_later(self._farewell_seconds, self._exit)

    def _exit(self) -> None:
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._controller.answer_waiting()
        await super().shutdown(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        assert sockets
        host, port = sockets[0].getsockname()[:2]
        click.echo(msgspec.json.encode({"listening": f"http://{host}:{port}"}))


def run(config: ControllerConfig) -> int:
    """Serves until SIGTERM or SIGINT; answers the exit status."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(config))


async def _serve(config: ControllerConfig) -> int:
    listener = _listen(config)
    host, port = listener.getsockname()[:2]
    if not config.advertise:
        config = replace(config, advertise=f"http://{host}:{port}")
    config.data_dir.mkdir(parents=True, exist_ok=True)
    outside = real_outside(config)
    controller = ControllerProcess(config, outside)
    await controller.start()
    app = controller.make_app()
    gc.freeze()  # What is there now stays: no collection need look at it again.
    gc.set_threshold(*COLLECT_AFTER)
    sys.setswitchinterval(SWITCH_SECONDS)
    server = _Server(
        http_config(app, outside.ids, controller.direct),
        controller,
        farewell_seconds=config.farewell_seconds,
    )
    stopping = asyncio.create_task(_stop_with(controller, server))
    try:
        await server.serve(sockets=[listener])
    finally:
        stopping.cancel()
        await controller.stop()
    return 0 if not controller.stopping.is_set() else 1


async def _stop_with(controller: ControllerProcess, server: uvicorn.Server) -> None:
    await controller.stopping.wait()
    click.echo("this controller can do nothing more that counts, and stops; see above", err=True)
    server.should_exit = True


def _listen(config: ControllerConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.listen_host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((config.listen_host, config.listen_port))
    listener.listen(BACKLOG)
    return listener
