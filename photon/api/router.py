"""Which responder takes a request: Falcon asks this, in place of the router that it brings.

Falcon's makes Python code of all templates when it is first asked, and looks at all 24 methods of
each before: some 20 ms of each start, in which nobody is answered. Answers are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from falcon.routing import set_default_responders

VERBS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")  # others get a 405
_ATTRIBUTES: Final = tuple((verb, f"on_{verb.lower()}") for verb in VERBS)


@dataclass(slots=True)
class _Found:
    """A resource, and who answers for it by method."""

    template: str
    resource: object
    responders: dict[str, Any]


@dataclass(slots=True)
class _Node:
    """What may follow one segment of a path."""

    children: dict[str, _Node] = field(default_factory=dict)
    parameter: tuple[str, _Node] | None = None
    found: _Found | None = None


class Router:
    """As `falcon.App(router=...)` wants it. A segment of a template is a word, or {a_name}."""

    def __init__(self) -> None:
        self._root = _Node()

    def add_route(self, uri_template: str, resource: object, **_: Any) -> None:
        node = self._root
        for segment in uri_template.lstrip("/").split("/"):
            if segment.startswith("{"):
                name = segment.strip("{}")
                if node.parameter is None:
                    node.parameter = name, _Node()
                assert node.parameter[0] == name, f"{uri_template} names a segment in its own way"
                node = node.parameter[1]
            else:
                node = node.children.setdefault(segment, _Node())
        responders = {
            verb: responder
            for verb, name in _ATTRIBUTES
            if (responder := getattr(resource, name, None)) is not None
        }
        set_default_responders(responders, asgi=True)
        node.found = _Found(uri_template, resource, responders)

    def find(
        self, uri: str, req: object = None
    ) -> tuple[object, dict[str, Any], dict[str, Any], str] | None:
        said: dict[str, Any] = {}
        found = _search(self._root, uri.lstrip("/").split("/"), 0, said)
        if found is None:
            return None
        return found.resource, found.responders, said, found.template


def _search(node: _Node, path: Sequence[str], at: int, said: dict[str, Any]) -> _Found | None:
    """A word goes before a parameter, if there is anything behind it."""
    if at == len(path):
        return node.found
    word = node.children.get(path[at])
    if word is not None:
        found = _search(word, path, at + 1, said)
        if found is not None:
            return found
    if node.parameter is None:
        return None
    name, following = node.parameter
    found = _search(following, path, at + 1, said)
    if found is not None:
        said[name] = path[at]
    return found
