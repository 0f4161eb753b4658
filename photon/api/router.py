"""Which responder takes a request: Falcon asks this, in place of the router that it brings.

Falcon's makes Python code of all templates when it is first asked, and looks at all 24 methods of
each before: some 11 ms of each start, in which nobody is answered. Answers are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from falcon.routing import set_default_responders

from photon.api.path_tree import PathTree, parameters_of

VERBS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")  # others get a 405


@dataclass(frozen=True, slots=True)
class _Found:
    """A resource, and who answers for it by method."""

    template: str
    parameters: tuple[str, ...]
    resource: object
    responders: dict[str, Any]


class Router:
    """As `falcon.App(router=...)` wants it. A segment of a template is a word, or {a_name}."""

    def __init__(self) -> None:
        self._tree = PathTree[_Found]()

    def add_route(self, uri_template: str, resource: object, **_: Any) -> None:
        responders = {
            verb: responder
            for verb in VERBS
            if (responder := getattr(resource, f"on_{verb.lower()}", None)) is not None
        }
        set_default_responders(responders, asgi=True)
        found = _Found(uri_template, parameters_of(uri_template), resource, responders)
        self._tree.at(uri_template, lambda: found)

    def find(
        self, uri: str, req: object = None
    ) -> tuple[object, dict[str, Any], dict[str, Any], str] | None:
        known = self._tree.find("/" + uri.lstrip("/"))
        if known is None:
            return None
        found, said = known
        path: dict[str, Any] = dict(zip(found.parameters, said, strict=True))
        return found.resource, found.responders, path, found.template
