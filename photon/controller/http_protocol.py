"""HTTP/1 as uvicorn speaks it, which answers what is no HTTP/1 in the API's own shape.

The edge never sees such a request: uvicorn's parser ends it first.
"""

from __future__ import annotations

from typing import Final

import falcon
import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from photon.api import errors
from photon.api.route import API_VERSION
from photon.domain.error_catalogue import InvalidEntity
from photon.outside.ids import Ids

VERSIONS: Final = frozenset({"1.0", "1.1"})
_REFUSAL: Final = InvalidEntity(problem="this is no HTTP/1.1 request; send one that is well formed")


def protocol_with(ids: Ids) -> type[HttpToolsProtocol]:
    """The class that uvicorn makes one of for each connection; `ids` names what it refuses."""

    class Protocol(HttpToolsProtocol):
        def on_headers_complete(self) -> None:
            # Falcon raises for any other version, which uvicorn answers with 500 and a traceback.
            if self.parser.get_http_version() not in VERSIONS:
                raise httptools.HttpParserError("not a version of HTTP that is spoken here")
            super().on_headers_complete()

        def send_400_response(self, msg: str) -> None:
            body = msgspec.json.encode(errors.view(_REFUSAL))
            headers = (
                *self.server_state.default_headers,
                (b"request-id", ids.new().encode()),
                (b"x-api-version", API_VERSION.encode()),
                (b"content-type", falcon.MEDIA_JSON.encode()),
                (b"content-length", b"%d" % len(body)),
                (b"connection", b"close"),
            )
            lines = [b"%s: %s\r\n" % header for header in headers]
            self.transport.write(b"".join([b"HTTP/1.1 400 Bad Request\r\n", *lines, b"\r\n", body]))
            self.transport.close()

    return Protocol
