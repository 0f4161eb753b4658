"""The page of all routes, made from the route table."""

from __future__ import annotations

from photon.api.route import Route, Tag
from photon.api.routes import ROUTES

HEAD = """# Routes

Every route of the public API. Bodies and answers are in `openapi/v1.json`, which a controller
serves at `/openapi.json`, and as pages at `/docs`. Each change answers a Task; `?wait=SECONDS` on a
task waits for its end. Every POST takes an `Idempotency-Key`. Made from the route table: do not
edit.
"""


def page() -> str:
    """Markdown: a chapter a tag, a row a route."""
    return HEAD + "".join(_chapter(tag) for tag in Tag)


def _chapter(tag: Tag) -> str:
    routes = [route for route in ROUTES if route.tag is tag]
    if not routes:
        return ""
    rows = "\n".join(_row(route) for route in routes)
    return f"\n## {tag}\n\n| | | Answers | Role |\n| --- | --- | --- | --- |\n{rows}\n"


def _row(route: Route) -> str:
    return f"| `{route.method} {route.path}` | {route.summary} | {route.status} | {route.role} |"
