"""Runs a stub on a port of this machine, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.sdk.stub import Stub


class _Server(uvicorn.Server):
    """Says when it is ready instead of being asked again and again."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: object = None) -> None:
        await super().startup()
        self.ready.set()


@contextmanager
def serving(stub: Stub) -> Iterator[str]:
    """The stub's address, while it serves."""
    config = uvicorn.Config(stub, port=0, log_level="error", lifespan="off", ws="websockets-sansio")
    server = _Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.ready.wait(timeout=10)
    stub.port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{stub.port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
