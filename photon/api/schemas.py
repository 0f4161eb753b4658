"""JSON schemas of the messages, by names that a reader of the reference would give them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import UnionType
from typing import Any, Final, get_args

import msgspec

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{name}"
_LIST: Final = re.compile(r"ResourceList_(?:\w+\.)*(\w+?)_\Z")


class Schemas:
    """The schemas of `messages` and of all that they are made of."""

    def __init__(self, messages: Sequence[Any]) -> None:
        self._messages: list[Any] = []
        for part in (part for message in messages for part in _parts(message)):
            if part not in self._messages:
                self._messages.append(part)
        schemas, components = msgspec.json.schema_components(self._messages, ref_template=_REF)
        self._schemas = [_renamed(schema) for schema in schemas]
        self._all: Json = {_name(name): _renamed(schema) for name, schema in components.items()}

    @property
    def components(self) -> Json:
        """Sorted by name; what only names the query of a route is left out."""
        used = {
            name
            for message, schema in zip(self._messages, self._schemas, strict=True)
            if not _is_query(message)
            for name in _refs(schema)
        }
        todo = list(used)  # any order: what is found is sorted
        while todo:
            new = _refs(self._all[todo.pop()]) - used
            used |= new
            todo += new
        return {name: self._all[name] for name in sorted(used)}

    def of(self, message: Any) -> Json:
        """A reference to the message's schema; to several for an answer that is one of several."""
        parts = [dict(self._schemas[self._messages.index(part)]) for part in _parts(message)]
        return parts[0] if len(parts) == 1 else {"anyOf": parts}

    def members(self, message: Any) -> Json:
        """Each member's schema, for a message that is sent as a query."""
        schema = self._all[message.__name__]
        return {name: _said(member) for name, member in schema["properties"].items()}

    @staticmethod
    def member_names(message: Any) -> tuple[str, ...]:
        return tuple(field.encode_name for field in msgspec.structs.fields(message))


def _parts(message: Any) -> tuple[Any, ...]:
    """msgspec has no schema for a choice of messages, which nothing here ever decodes."""
    return get_args(message) if isinstance(message, UnionType) else (message,)


def _is_query(message: Any) -> bool:
    return getattr(message, "__name__", "").endswith("Query")


def _said(member: Json) -> Json:
    """A query cannot say null: what is not said is not there."""
    choices = [choice for choice in member.get("anyOf", ()) if choice != {"type": "null"}]
    if not choices:
        return member
    return choices[0] if len(choices) == 1 else {"anyOf": choices}


def _name(name: str) -> str:
    """`ResourceList_Tenant_` is a TenantList."""
    of = _LIST.search(name)
    return f"{of[1]}List" if of else name


def _renamed(node: Any) -> Any:
    if isinstance(node, list):
        return [_renamed(item) for item in node]
    if not isinstance(node, dict):
        return node
    renamed = {key: _renamed(value) for key, value in node.items()}
    ref, title = node.get("$ref"), node.get("title")
    if isinstance(ref, str):
        start, name = ref.rsplit("/", 1)
        renamed["$ref"] = f"{start}/{_name(name)}"
    if isinstance(title, str):
        of = re.fullmatch(r"ResourceList\[(?:\w+\.)*(\w+)\]", title)
        renamed["title"] = f"{of[1]}List" if of else title
    return renamed


def _refs(node: Any) -> set[str]:
    """The components that a schema refers to."""
    if isinstance(node, list):
        return {name for item in node for name in _refs(item)}
    if not isinstance(node, dict):
        return set()
    found = {name for value in node.values() for name in _refs(value)}
    ref = node.get("$ref")
    if isinstance(ref, str):
        found.add(ref.rsplit("/", 1)[1])
    return found
