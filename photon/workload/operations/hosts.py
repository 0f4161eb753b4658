"""Hosts: adding, provisioning, resting and removing them, while VMs come and go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from photon.workload.broken import Broken, Promise
from photon.workload.client import Client
from photon.workload.facts import Cell, Life, Span
from photon.workload.ledger import codes_of
from photon.workload.model import unexpected
from photon.workload.site import HostOffer
from photon.workload.things import Host, Zone

HOSTS: Final = "/v1/infrastructure/hosts"
CREATING, NOT_PROVISIONED, READY, ERROR = "CREATING", "NOT_PROVISIONED", "READY", "ERROR"
SUSPENDED, MAINTENANCE = "SUSPENDED", "MAINTENANCE"
OLD_NAMES: Final = 0.2  # So often a change is asked for by the name of earlier releases.
READY_MIN: Final = 3  # So many hosts are left alone, so that VMs can be made at all.

# What each change leaves, by the state that it met; what is not here is refused at once.
CHANGES: Final[Mapping[str, Mapping[str, str]]] = {
    "provision": {NOT_PROVISIONED: READY},
    "suspend": {READY: SUSPENDED, SUSPENDED: SUSPENDED},
    "resume": {SUSPENDED: READY},
    "enter-maintenance": {SUSPENDED: MAINTENANCE, MAINTENANCE: MAINTENANCE},
    "exit-maintenance": {MAINTENANCE: READY},
}


async def add_host(client: Client, offer: HostOffer | None = None) -> Host | None:
    """A host of the site, which must be provisioned after that."""
    offer = offer or client.random.choice(client.site.hosts)
    zone = client.ready(client.model.zones) if client.chance(0.5) else None
    host = Host(
        name=offer.address,
        life=Life(0),
        state=Cell(CREATING, NOT_PROVISIONED, ERROR),
        zone=Cell(zone.id if zone else ""),
    )
    spec: dict[str, Any] = {
        "address": offer.address,
        "username": offer.username,
        "password": offer.password,
        "usageTags": ["CLOUD"],
        "metadata": {"AGENT_ENDPOINT": offer.agent_endpoint},
    }
    if zone is not None:
        spec["availabilityZone"] = zone.id
    with client.using(host) as use:
        reply, task = await client.make(client.model.hosts, host, HOSTS, spec)
        _judge_address(client, host, reply.code, reply.span)
        ended = None if task is None else await client.wait(task, host, use)
        if ended is None:
            return None
        made = NOT_PROVISIONED if ended["state"] == "COMPLETED" else ERROR
        host.state.done(host.state.begin(reply.span.begin, lambda _: made), client.history.tick())
        return host


def _judge_address(client: Client, host: Host, code: str, span: Span) -> None:
    same = [other for other in client.model.hosts if other.name == host.name and other is not host]
    if code == "DuplicateHost" and not any(other.life.maybe(span) for other in same):
        text = f"{host.name} is said to be registered, and is not"
        raise Broken(Promise.REFUSED_FOR_A_REASON, text)
    if host.id and any(other.life.surely(span) for other in same):
        text = f"{host.name} is registered twice"
        raise Broken(Promise.NAMES_ARE_UNIQUE, text, host.id, *[other.id for other in same])


def change(verb: str) -> Callable[[Client], Any]:
    """The operation that asks this of some host."""

    async def ask(client: Client) -> None:
        host = _a_host(client, spare=verb in ("suspend", "enter-maintenance"))
        if host is not None:
            await change_host(client, host, verb)

    return ask


def _a_host(client: Client, *, spare: bool) -> Host | None:
    hosts = [host for host in client.model.hosts if host.life.is_usable]
    if spare and sum(host.state.values == {READY} for host in hosts) <= READY_MIN:
        hosts = [host for host in hosts if host.state.values != {READY}]
    return client.some(hosts)


async def change_host(client: Client, host: Host, verb: str) -> None:
    table = CHANGES[verb]
    with client.using(host) as use:
        change = host.state.begin(client.history.tick(), table.get)
        name = verb.replace("-", "_") if client.chance(OLD_NAMES) else verb
        way = ("POST", f"{HOSTS}/{host.id}/{name}")
        reply = await client.change(client.model.hosts, host, way)
        if reply.code == "StateError" and use.alone and change.before <= table.keys():
            met = sorted(change.before)
            raise unexpected(reply, f"{verb} of host {host.id}, being {met}", host.id)
        if reply.ok and not any(state in table for state in change.before | host.state.values):
            text = f"{verb} of host {host.id} was taken, being {sorted(change.before)}"
            raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, host.id)
        if not reply.ok:
            host.doubts += not reply.refused
            if reply.refused:
                host.state.refused(change, client.history.tick())
            return
        ended = await client.wait(client.caller.task_in(reply), host, use)
        if ended is None:
            return
        now = client.history.tick()
        if "ConcurrentTask" in codes_of(ended):
            host.state.refused(change, now)
        elif ended["state"] == "COMPLETED":
            host.state.done(change, now)
            await look_at_host(client, host)
        elif verb == "provision":
            host.state.unknown(change, now)
            host.state.put(now, frozenset({ERROR}))
        else:
            host.state.unknown(change, now)


async def set_zone(client: Client) -> None:
    """Once and for good."""
    host, zone = _a_host(client, spare=False), client.some(client.model.zones)
    if host is not None and zone is not None:
        await _put_into(client, host, zone)


async def _put_into(client: Client, host: Host, zone: Zone) -> None:
    with client.using(host) as use:
        change = host.zone.begin(client.history.tick(), lambda now: zone.id if not now else None)
        way = ("POST", f"{HOSTS}/{host.id}/set_availability_zone")
        body = {"availabilityZoneId": zone.id}
        reply = await client.change(client.model.hosts, host, way, body)
        if reply.ok and "" not in change.before:
            text = f"host {host.id} is in a zone already, and was put into {zone.id}"
            raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, host.id, zone.id)
        if reply.refused:
            host.zone.refused(change, client.history.tick())
        if not reply.ok:
            host.doubts += not reply.refused
            return
        ended = await client.wait(client.caller.task_in(reply), host, use)
        if ended is None:
            return
        if "ConcurrentTask" in codes_of(ended):
            host.zone.refused(change, client.history.tick())
        else:
            host.zone.done(change, client.history.tick())


async def delete_host(client: Client) -> None:
    """Only what is in maintenance, in error or not provisioned can go."""
    hosts = [
        host
        for host in client.model.hosts
        if host.state.values & {MAINTENANCE, NOT_PROVISIONED, ERROR}
    ]
    host = client.some(hosts)
    if host is None:
        return
    with client.using(host) as use:
        begin = client.history.tick()
        reply, ended = await client.delete(client.model.hosts, host, use, f"{HOSTS}/{host.id}")
        states = host.state.during(Span(begin, reply.span.end))
        if reply.ok and states == frozenset({READY}):
            text = f"host {host.id} is READY, and could be removed"
            raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text, host.id)
        if ended is None:
            return
        if ended["state"] == "ERROR":
            host.state.put(client.history.tick(), frozenset({ERROR}))
            return
        host.life.deleted(client.history.tick())
        await client.look(client.model.hosts, host, f"{HOSTS}/{host.id}")


async def show_host(client: Client) -> None:
    host = client.some(client.model.hosts)
    if host is not None:
        await look_at_host(client, host)


async def look_at_host(client: Client, host: Host) -> None:
    begin = client.history.tick()
    reply = await client.look(client.model.hosts, host, f"{HOSTS}/{host.id}")
    if reply is not None:
        judge_host(host, reply.body, Span(begin, reply.span.end))


def judge_host(host: Host, shown: dict[str, Any], span: Span) -> None:
    """Raises Broken."""
    states, zones = host.state.during(span), host.zone.during(span)
    if states is not None and shown["state"] not in states:
        text = f"host {host.id} is shown as {shown['state']}, not {sorted(states)}"
        raise Broken(Promise.READS_SEE_WRITES, text, host.id)
    zone = shown["availabilityZone"] or ""
    if zones is not None and zone not in zones:
        text = f"host {host.id} is shown in zone {zone!r}, not {sorted(zones)}"
        raise Broken(Promise.READS_SEE_WRITES, text, host.id)
