"""How flavors, and costs of anything, are shown (contract, 2.6)."""

from __future__ import annotations

from collections.abc import Iterable

from photon.domain.flavor import Flavor
from photon.domain.quota import Amount
from photon.wire.v1 import flavor as wire
from photon.wire.v1.basics import QuotaLineItem


def flavor_view(flavor: Flavor, base: str) -> wire.Flavor:
    return wire.Flavor(
        id=flavor.id,
        self_link=f"{base}/v1/flavors/{flavor.id}",
        name=flavor.name,
        kind=flavor.kind,
        tags=[],
        state=flavor.state,
        cost=cost_view(flavor.cost),
    )


def cost_view(cost: Iterable[Amount]) -> list[QuotaLineItem]:
    return [QuotaLineItem(amount.key, amount.value, amount.unit) for amount in cost]
