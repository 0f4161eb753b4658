"""A small XML reader for documents of strangers.

It builds the tree itself on expat's events, so that a document type (the root of entity bombs and
of references to other files) stops it at once, and depth and number of elements have bounds.
Namespaces are dropped: the documents read here differ in them by version, not in their words.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

ELEMENTS_MAX = 10_000  # A machine with every device it can have is some hundreds.
DEPTH_MAX = 32  # An OVF is seven deep.
TEXT_CHARS_MAX = 64 * 1024  # Of one element: a licence text is the longest that an OVF has.
_IS_FINAL = True  # expat takes it by position only.


class MalformedXml(Exception):
    """The document is not well-formed, or has what is refused here."""


@dataclass
class Element:
    """A name, attributes, own text and children; names without their namespace."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: list[Element] = field(default_factory=list)

    def find_all(self, *path: str) -> Iterator[Element]:
        """The descendants at `path`, a name a level."""
        for child in self.children:
            if child.name == path[0]:
                if len(path) == 1:
                    yield child
                else:
                    yield from child.find_all(*path[1:])

    def text_of(self, name: str) -> str:
        """The text of the first child of that name; empty without one."""
        return next((child.text.strip() for child in self.find_all(name)), "")


def parse(document: bytes) -> Element:
    """The root element. The caller bounds the document's size.

    Raises:
        MalformedXml: not well-formed, with a document type, or beyond the bounds above.
    """
    tree = _Tree()
    # The separator makes expat resolve namespaces; a name then ends with the part we keep.
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = tree.doctype
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.characters
    try:
        parser.Parse(document, _IS_FINAL)
    except (expat.ExpatError, LookupError, ValueError) as error:
        # The latter two: an encoding that is unknown, or that expat cannot take.
        raise MalformedXml("it is not well-formed") from error
    assert tree.root is not None  # expat refuses a document without a root
    return tree.root


class _Tree:
    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._elements = 0

    def doctype(self, *_: object) -> None:
        raise MalformedXml("it has a document type declaration, which is not taken")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > ELEMENTS_MAX or len(self._open) >= DEPTH_MAX:
            raise MalformedXml(f"it has over {ELEMENTS_MAX} elements or is over {DEPTH_MAX} deep")
        element = Element(_local(name), {_local(key): attributes[key] for key in attributes})
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, _: str) -> None:
        self._open.pop()

    def characters(self, text: str) -> None:
        element = self._open[-1]
        element.text += text
        if len(element.text) > TEXT_CHARS_MAX:
            raise MalformedXml(f"it has an element with over {TEXT_CHARS_MAX} characters of text")


def _local(name: str) -> str:
    return name.rpartition(" ")[2]
