"""A percentage of a quota. The API knows only limits, so the share is worked out here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from photon.wire.v1.tenancy import Quota

PERCENT: Final = click.FloatRange(0, 100)


def share_of(quota: Quota, percent: float) -> Quota:
    """`percent` of each limit, in its unit. Without limits there is nothing to share."""
    from photon.wire.v1.tenancy import Quota, QuotaStatusLineItem

    if not quota.quota_items:
        raise click.UsageError(
            "The tenant has no limits to take a part of. Set some: photon quota set --tenant ..."
        )
    return Quota(
        {
            key: QuotaStatusLineItem(item.limit * percent / 100, item.unit)
            for key, item in quota.quota_items.items()
        }
    )
