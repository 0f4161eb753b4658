"""Port groups: known when a host reports them, and each in one subnet at most.

A row of PORT_GROUPS says whose a port group is. When a subnet vanishes with its last VM its rows
stay behind; whoever asks for such a port group next takes the row over.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from photon.domain.error_catalogue import PortGroupAlreadyAddedToSubnet, PortGroupsDoNotExist
from photon.domain.subnet import PortGroup
from photon.store.nouns import HOSTS, PORT_GROUPS, SUBNETS
from photon.store.protocol import (
    PAGE_SIZE_MAX,
    CloudStore,
    Insert,
    Reap,
    RequireNone,
    Update,
    Write,
)


async def must_exist(store: CloudStore, names: Sequence[str]) -> None:
    """Looks through the hosts, no further than it must.

    Raises:
        PortGroupsDoNotExist: with those that no host reports.
    """
    missing = dict.fromkeys(names)
    after: str | None = None
    while missing:
        page = await store.page(HOSTS, {}, limit=PAGE_SIZE_MAX, after=after)
        for host in page.items:
            for name in host.networks:
                missing.pop(name, None)
        if not page.more:
            break
        after = page.items[-1].id
    if missing:
        raise PortGroupsDoNotExist(", ".join(missing))


async def claim(store: CloudStore, subnet_id: str, names: Sequence[str]) -> list[Write]:
    """The writes that make `names` the subnet's own. Whoever is slower looks again.

    Raises:
        PortGroupAlreadyAddedToSubnet: with each that another subnet has.
    """
    rows = {row.id: row for row in await store.find_many(PORT_GROUPS, names)}
    owners = {row.subnet_id for row in rows.values()}
    living = {subnet.id for subnet in await store.find_many(SUBNETS, sorted(owners))}
    taken = [row for row in rows.values() if row.subnet_id in living]
    if taken:
        raise PortGroupAlreadyAddedToSubnet(
            "\n".join(row.id for row in taken), "\n".join(row.subnet_id for row in taken)
        )
    writes: list[Write] = []
    for name in names:
        orphan = rows.get(name)
        if orphan is None:
            writes.append(Insert(PORT_GROUPS, PortGroup(name, subnet_id)))
        else:
            # Ids are never given twice: who is gone stays gone, and cannot come in between.
            writes.append(RequireNone(SUBNETS, {"id": orphan.subnet_id}))
            writes.append(Update(PORT_GROUPS, msgspec.structs.replace(orphan, subnet_id=subnet_id)))
    return writes


def give_up(subnet_id: str, names: Sequence[str], *, anyway: bool = False) -> list[Write]:
    """Frees the subnet's port groups if it is gone by now, or `anyway`."""
    unless = () if anyway else ((SUBNETS, {"id": subnet_id}),)
    return [Reap(PORT_GROUPS, name, {"subnet_id": subnet_id}, unless) for name in names]
