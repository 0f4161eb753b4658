"""The page of all error codes, made from the classes that raise them."""

from __future__ import annotations

import importlib
import pkgutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import fields

import photon
from photon.api.errors import STATUS_OF_CODE, STATUS_OF_KIND
from photon.domain.errors import PhotonError, RecordedError, wire_name

HEAD = """# Error codes

Every refusal is `{"code", "message", "data"}`. The code never changes its meaning; the message is
for people; `data` holds the facts that the message is made of, as strings. An error in a task's
step has the same form. Made from the classes in the code: do not edit.

| Code | HTTP status | What it says | Data |
| --- | --- | --- | --- |
"""


def page() -> str:
    """Markdown: a row a code, by name."""
    rows = defaultdict(list)
    for error in _errors():
        rows[error.code].append(error)
    lines = [_row(code, rows[code]) for code in sorted(rows)]
    return HEAD + "\n".join(lines) + "\n"


def _errors() -> Iterator[type[PhotonError]]:
    for module in pkgutil.walk_packages(photon.__path__, "photon."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    known: list[type[PhotonError]] = [PhotonError]
    while known:
        error = known.pop()
        known += error.__subclasses__()
        if "code" in vars(error) and error is not RecordedError:
            yield error


def _row(code: str, errors: list[type[PhotonError]]) -> str:
    statuses = sorted({STATUS_OF_CODE.get(code, STATUS_OF_KIND[error.kind]) for error in errors})
    texts = sorted({_text(error) for error in errors})
    names = sorted({wire_name(field.name) for error in errors for field in fields(error)})
    said = "<br>".join(text.replace("|", "\\|").replace("<", "&lt;") for text in texts)
    status = ", ".join(str(status) for status in statuses)
    return f"| `{code}` | {status} | {said} | {', '.join(f'`{name}`' for name in names)} |"


def _text(error: type[PhotonError]) -> str:
    """The sentence with its blanks, those of the class itself filled in."""
    text = error.text
    for name in ("label", "advice"):
        text = text.replace(f"{{{name}}}", str(getattr(error, name, f"{{{name}}}")))
    return text
