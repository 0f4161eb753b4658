"""Which hosts and datastores have what is wished for: like fixed filters, but it only scores."""

from __future__ import annotations

from functools import partial

from photon.domain.affinity import AffinityKind
from photon.domain.demand import Demand, Wish
from photon.scheduler.books import DatastoreBook
from photon.scheduler.filters.address import is_host_asked
from photon.scheduler.filters.networks import has_networks
from photon.scheduler.filters.zone import is_in_zone
from photon.scheduler.suiting import is_labelled, is_one, reaches_any
from photon.scheduler.table import HostTable, Mask


def meets(hosts: HostTable, wish: Wish) -> Mask:
    """The hosts that have what is wished for."""
    wished = wish.id
    match wish.kind:
        case AffinityKind.HOST:
            return is_host_asked(hosts, Demand("", host_address=wished))
        case AffinityKind.AVAILABILITY_ZONE:
            return is_in_zone(hosts, Demand("", zone_id=wished))
        case AffinityKind.PORT_GROUP:
            return has_networks(hosts, Demand("", networks=(wished,)))
        case AffinityKind.DATASTORE:
            return reaches_any(hosts, partial(is_one, id=wished))
        case AffinityKind.DATASTORE_TYPE:
            return reaches_any(hosts, partial(is_labelled, label=wished.upper()))
        case AffinityKind.VM | AffinityKind.DISK:
            return hosts.everyone


def is_wished(datastore: DatastoreBook, wish: Wish) -> bool:
    """Where a host reaches several that suit, the one that is wished for is taken."""
    if wish.kind is AffinityKind.DATASTORE:
        return is_one(datastore, wish.id)
    return wish.kind is AffinityKind.DATASTORE_TYPE and is_labelled(datastore, wish.id.upper())
