"""What a simulated host keeps of a guest."""

from __future__ import annotations

from sys import intern

import msgspec
from msgspec.structs import replace

from photon.domain.guest import Guest, GuestNic


class SimulatedGuest(msgspec.Struct, frozen=True, array_like=True):
    """All that a simulated host keeps of a guest."""

    guest: Guest
    nics: tuple[GuestNic, ...]
    checksum: str  # of its image


def shared_strings(held: SimulatedGuest) -> SimulatedGuest:
    """The same guest with one copy of the strings that thousands of guests have in common."""
    guest = held.guest
    disks = tuple([replace(disk, datastore_id=intern(disk.datastore_id)) for disk in guest.disks])
    nics = tuple([GuestNic(intern(nic.network), nic.mac_address) for nic in held.nics])
    guest = replace(guest, datastore_id=intern(guest.datastore_id), disks=disks)
    return SimulatedGuest(guest, nics, intern(held.checksum))
