"""Serves the description and the pages that show it; also while the system is paused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import falcon
import falcon.asgi

from photon.api import openapi
from photon.api.plane import Plane
from photon.api.route import API_VERSION, Route

FOLDER: Final = Path(__file__).parent
PAGES: Final = {
    "/docs": ("page.html", "text/html; charset=utf-8"),
    "/docs/page.css": ("page.css", "text/css; charset=utf-8"),
    "/docs/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
# The page runs nothing and loads nothing but what is served here.
POLICY: Final = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
CACHE: Final = "no-cache"  # A new release shows at once; the files are small.

_Respond = Callable[..., Awaitable[None]]


def add_pages(app: falcon.asgi.App[Any, Any], plane: Plane, routes: Sequence[Route]) -> None:
    """Adds /openapi.json and /docs to the application."""

    @lru_cache(maxsize=1)
    def description() -> bytes:
        return openapi.encoded(routes)

    app.add_route("/openapi.json", _page(plane, description, falcon.MEDIA_JSON))
    for path, (name, content_type) in PAGES.items():
        content = (FOLDER / name).read_bytes()
        app.add_route(path, _page(plane, partial(bytes, content), content_type))


def _page(plane: Plane, content: Callable[[], bytes], content_type: str) -> object:
    async def on_get(req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.set_header("request-id", plane.ids.new())
        resp.set_header("x-api-version", API_VERSION)
        resp.set_header("cache-control", CACHE)
        resp.set_header("content-security-policy", POLICY)
        resp.set_header("x-content-type-options", "nosniff")
        resp.content_type = content_type
        resp.data = content()

    return type("Page", (), {"on_get": staticmethod(on_get)})()
