"""Which template a path is of: by its segments, in time that does not grow with the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

Found = TypeVar("Found")

_PARAMETER: Final = "/"  # No segment of a path is that.


@dataclass(slots=True)
class _Node(Generic[Found]):
    """What may follow one segment of a path."""

    children: dict[str, _Node[Found]] = field(default_factory=dict)
    found: Found | None = None


class PathTree(Generic[Found]):
    """A segment of a template is a word, or {a_name}. Where both fit, the word is meant."""

    def __init__(self) -> None:
        self._root = _Node[Found]()

    def at(self, template: str, make: Callable[[], Found]) -> Found:
        """What is kept for the template; made when there is nothing yet."""
        node = self._root
        for segment in template.split("/")[1:]:
            name = _PARAMETER if segment.startswith("{") else segment
            node = node.children.setdefault(name, _Node[Found]())
        if node.found is None:
            node.found = make()
        return node.found

    def find(self, path: str) -> tuple[Found, list[str]] | None:
        """What is kept for the path's template, and the values of its parameters, in order."""
        node = self._root
        said: list[str] = []
        for segment in path.split("/")[1:]:
            child = node.children.get(segment)
            if child is None:
                child = node.children.get(_PARAMETER)
                if child is None:
                    return None
                said.append(segment)
            node = child
        return None if node.found is None else (node.found, said)


def parameters_of(template: str) -> tuple[str, ...]:
    """Their names, in order."""
    segments = template.split("/")
    return tuple([segment.strip("{}") for segment in segments if segment.startswith("{")])
