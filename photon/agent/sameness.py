"""A create that is repeated asks for what is there; anything else by the same id is refused."""

from __future__ import annotations

from photon.domain.guest import AgentRefusal, Guest, GuestSpec, Refusal


def check_same(guest: Guest, spec: GuestSpec) -> None:
    """A create that is repeated asks for what is there; anything else is another VM."""
    made = [(disk.id, disk.capacity_gib) for disk in guest.disks if not disk.persistent]
    wanted = [(disk.id, disk.capacity_gib) for disk in spec.disks]
    if (guest.name, guest.cpus, guest.memory_mib, guest.datastore_id, made) != (
        spec.name,
        spec.cpus,
        spec.memory_mib,
        spec.datastore_id,
        wanted,
    ):
        raise already_exists("VM", spec.vm_id)


def already_exists(noun: str, name: str) -> Refusal:
    """To be raised: the id is taken."""
    message = (
        f"A {noun} with the id {name} is on this host and was made from another specification."
    )
    return Refusal(AgentRefusal.ALREADY_EXISTS, message, id=name)
