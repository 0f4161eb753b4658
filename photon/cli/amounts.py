"""Amounts as people write them: "vm.cpu 1 COUNT, vm.memory 2 GB", vm.cpu=1, 4GB."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from photon.wire.v1.basics import QuotaLineItem
    from photon.wire.v1.tenancy import Quota

ITEM: Final = re.compile(
    r"(?P<key>[^\s=,]+)(?:\s*=\s*|\s+)(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z]*)"
)
SIZE: Final = re.compile(r"(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>[A-Za-z]*)")
UNITS: Final = {
    "": "COUNT", "COUNT": "COUNT",
    "B": "B",
    "K": "KB", "KB": "KB", "KIB": "KB",
    "M": "MB", "MB": "MB", "MIB": "MB",
    "G": "GB", "GB": "GB", "GIB": "GB",
}  # fmt: skip
SIZED_KEYS: Final = (".memory", ".capacity")  # a bare number of these is a slip, not a count

AMOUNTS_HELP = 'Such as "vm.cpu 1 COUNT, vm.memory 2 GB" or vm.cpu=1; may be repeated.'


def parts(texts: Iterable[str]) -> Iterator[str]:
    """The pieces between commas, of an option that may also be repeated."""
    for text in texts:
        yield from (part.strip() for part in text.split(",") if part.strip())


def line_items(texts: Iterable[str]) -> list[QuotaLineItem]:
    """Raises click.BadParameter that names the piece that is wrong, and how to write it."""
    from photon.domain.quota import QuotaUnit
    from photon.wire.v1.basics import QuotaLineItem

    items = {}
    for part in parts(texts):
        found = ITEM.fullmatch(part)
        unit = UNITS.get(found["unit"].upper()) if found else None
        if found is None or unit is None:
            raise click.BadParameter(
                f"{part!r} is not KEY AMOUNT UNIT, as in 'vm.cpu 1 COUNT' or 'vm.memory 2 GB'; "
                "units are COUNT, B, KB, MB, GB"
            )
        if found["key"].endswith(SIZED_KEYS) and unit == "COUNT":
            raise click.BadParameter(f"{part!r} needs a unit of size: B, KB, MB or GB")
        if found["key"] in items:
            raise click.BadParameter(f"{found['key']} is given twice")
        items[found["key"]] = QuotaLineItem(found["key"], float(found["value"]), QuotaUnit(unit))
    return list(items.values())


def quota_of(texts: Iterable[str]) -> Quota:
    """The limits, as the API takes a quota."""
    from photon.wire.v1.tenancy import Quota, QuotaStatusLineItem

    return Quota(
        {item.key: QuotaStatusLineItem(item.value, item.unit) for item in line_items(texts)}
    )


def size_item(key: str, text: str) -> QuotaLineItem:
    """`text`, such as 4GB or 512MB, as an amount of `key`."""
    found = SIZE.fullmatch(text.strip())
    if found is None or UNITS.get(found["unit"].upper(), "COUNT") == "COUNT":
        raise click.BadParameter(f"{text!r} is no size; write it as 4GB or 512MB")
    return line_items([f"{key} {found['value']} {found['unit']}"])[0]


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """KEY=VALUE, each from an option of its own: values may hold commas."""
    found = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise click.BadParameter(f"{text!r} is not KEY=VALUE")
        found[key] = value
    return found
