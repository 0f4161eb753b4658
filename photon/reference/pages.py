"""Which pages are made from the code."""

from __future__ import annotations

from photon.reference import errors, routes, settings


def pages() -> dict[str, str]:
    """Markdown by file name."""
    return {"errors.md": errors.page(), "routes.md": routes.page(), "settings.md": settings.page()}
