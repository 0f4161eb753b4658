"""How uvicorn serves a controller: the same in earnest and in a simulation."""

from __future__ import annotations

from typing import Any, Final

import uvicorn

from photon.api.direct import DirectEdge
from photon.controller.http_protocol import protocol_with
from photon.outside.ids import Ids

KEEP_ALIVE_SECONDS: Final = 75  # Longer than the pause between a client's polls.
CONNECTIONS_MAX: Final = 10_000  # Beyond this, uvicorn answers 503 by itself.
CLOSE_SECONDS: Final = 15  # Uploads that take longer are cut; long polls are answered at once.


def http_config(app: Any, ids: Ids, direct: DirectEdge) -> uvicorn.Config:
    """`app` is an ASGI application, `direct` the short way to it."""
    return uvicorn.Config(
        app,
        http=protocol_with(ids, direct),
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=CLOSE_SECONDS,
        limit_concurrency=CONNECTIONS_MAX,
    )
