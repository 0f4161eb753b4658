"""The cloud as a whole: what it says of itself, and what its operator sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from photon.domain.audit import Rule
from photon.domain.system import SystemState
from photon.workload.broken import Broken, Promise
from photon.workload.caller import Asked, Reply
from photon.workload.client import Client
from photon.workload.gate import SYSTEM_PAUSED
from photon.workload.ledger import Json, codes_of
from photon.workload.operations.lists import walk
from photon.workload.things import Shelf

SYSTEM: Final = "/v1/system"
CONTROLLERS: Final = "PHOTON_CONTROLLER"  # the component that clients of the contract know
QUORUM_MAX: Final = 9
# What hosts and orphans have to do with may be so for a while; of these the store alone decides.
NEVER_SO: Final = frozenset({Rule.QUOTA_ADDS_UP, Rule.LOCK_HAS_TASK, Rule.PARTS_HAVE_VM})
_STATUSES: Final = frozenset({"READY", "INITIALIZING", "PARTIAL_ERROR", "UNREACHABLE", "ERROR"})


def _open(client: Client, reply: Reply) -> None:
    _must(reply, reply.body == {}, "it is available")


def _info(client: Client, reply: Reply) -> None:
    body = reply.body
    _must(reply, bool(body["baseVersion"] and body["fullVersion"]), "it has a version")
    _must(reply, body["networkType"] == "PHYSICAL", "its networks are physical")


def _system_info(client: Client, reply: Reply) -> None:
    _info(client, reply)
    _must(reply, reply.body["state"] in set(SystemState), "it is in a state")


def _auth(client: Client, reply: Reply) -> None:
    _must(reply, reply.body["enabled"] is False, "nobody is asked who they are")


def _status(client: Client, reply: Reply) -> None:
    parts: list[Json] = reply.body["components"]
    told = [part["status"] for part in parts]
    told += [each["status"] for part in parts for each in part["instances"]]
    _must(reply, {reply.body["status"], *told} <= _STATUSES, "each part has a status")
    names = [part["component"] for part in parts]
    _must(reply, CONTROLLERS in names, "controllers are a part")
    _must(reply, len(names) == len(set(names)), "each part is shown once")


def _usage(client: Client, reply: Reply) -> None:
    """As many as are known, and those of which it is not known whether they are."""
    model = client.model
    counted: tuple[tuple[str, Shelf[Any]], ...] = (
        ("numberHosts", model.hosts),
        ("numberVMs", model.vms),
        ("numberTenants", model.tenants),
        ("numberProjects", model.projects),
    )
    for key, shelf in counted:
        least = sum(thing.life.surely(reply.span) for thing in shelf)
        most = sum(thing.life.maybe(reply.span) for thing in shelf)
        shown = reply.body[key]
        if shown < least or (shown > most and model.alone):
            text = f"{key} is {shown}, and there are {least} to {most}"
            raise Broken(Promise.LISTS_ARE_WHOLE, text)
    _must(reply, reply.body["numberServices"] == 0, "there are no services")


def _topology(client: Client, reply: Reply) -> None:
    nodes: list[Json] = reply.body["items"]
    ids = [node["id"] for node in nodes]
    _must(reply, len(ids) == len(set(ids)), "each node is shown once")
    for place, node in enumerate(nodes):
        parent = node["parentId"]
        _must(reply, parent is None or parent in ids[:place], f"{parent} comes before {node['id']}")
        _must(reply, node["hostsReady"] <= node["hosts"], f"{node['id']} adds up")


def _no_vms(client: Client, reply: Reply) -> None:
    _must(reply, reply.body["items"] == [], "no VM is the system's own")


def _properties(client: Client, reply: Reply) -> None:
    quorum, known = reply.body["quorum"], client.model.quorum.during(reply.span)
    _must(reply, reply.body["Quorum"] == quorum, "both spellings say the same")
    if client.model.alone and known is not None and quorum not in known:
        text = f"the quorum is {quorum}, not {sorted(known)}"
        raise Broken(Promise.READS_SEE_WRITES, text)


_Judge = Callable[[Client, Reply], None]
QUESTIONS: Final[Mapping[str, _Judge]] = {
    "/v1/available": _open,
    f"{SYSTEM}/available": _open,
    "/v1/info": _info,
    f"{SYSTEM}/info": _system_info,
    f"{SYSTEM}/auth": _auth,
    f"{SYSTEM}/status": _status,
    f"{SYSTEM}/status?parts=true": _status,
    f"{SYSTEM}/usage": _usage,
    f"{SYSTEM}/topology": _topology,
    f"{SYSTEM}/vms": _no_vms,
    f"{SYSTEM}/properties": _properties,
}


def _must(reply: Reply, held: bool, what: str) -> None:
    if not held:
        text = f"it should be so that {what}, and the answer was {reply.body}"
        raise Broken(Promise.ANSWER_IS_WELL_FORMED, text)


async def ask_system(client: Client) -> None:
    """Any of what the cloud says of itself. It always answers, or is away."""
    path = client.random.choice(list(QUESTIONS))
    reply = await client.caller.get(path)
    if reply.ok:
        QUESTIONS[path](client, reply)
    elif reply.status:
        raise Broken(Promise.REFUSED_FOR_A_REASON, f"{path}: {reply.status} {reply.body}")


async def list_orphans(client: Client) -> None:
    """What is listed is on a host, and is no VM or disk that surely is where it belongs."""
    walked = await walk(client, f"{SYSTEM}/orphans", by=lambda it: f"{it['hostId']}/{it['id']}")
    for orphan in walked.items if walked is not None else ():
        if orphan["removalTime"] < orphan["seenTime"] or not orphan["hostAddress"]:
            raise Broken(Promise.ANSWER_IS_WELL_FORMED, f"an orphan is {orphan}", orphan["id"])


async def set_quorum(client: Client) -> None:
    """It has no key: so it is sent once, and may then happen at any later time."""
    if not client.site.alone:
        return  # It is everybody's.
    size, cell = client.random.randint(1, QUORUM_MAX), client.model.quorum
    change = cell.begin(client.history.tick(), lambda _: size)
    path = f"{SYSTEM}/properties/update"
    reply = await client.caller.once("POST", path, {"size": size})
    if reply.ok:
        cell.done(change, client.history.tick())
        _properties(client, reply)
    elif reply.refused:
        cell.refused(change, client.history.tick())


async def audit(client: Client) -> None:
    """It looks again at all that seems wrong; so what it finds is so. What comes of hosts that
    fail, such as an orphan, a duty mends in its time; the rest may never be."""
    reply = await client.caller.post(f"{SYSTEM}/audit")
    if not reply.ok:
        if reply.status and reply.code != "AuditUnderWay":
            raise Broken(Promise.REFUSED_FOR_A_REASON, f"an audit: {reply.status} {reply.body}")
        return
    task = client.caller.task_in(reply)
    ended = await client.caller.ended(task)
    if ended is not None and ended["state"] == "COMPLETED" and client.site.alone:
        for finding in ended["resourceProperties"]["findings"]:
            if finding["invariant"] not in NEVER_SO:
                continue
            text = f"{finding['invariant']} of {finding['id']}: {finding['problem']}"
            raise Broken(Promise.AUDIT_FINDS_NOTHING, text, finding["id"])


async def sync_hosts(client: Client) -> None:
    """Every host is told its terms once more; those that are silent are told of."""
    reply = await client.caller.post("/v1/infrastructure/sync-hosts-config")
    await _synced(client, reply)


async def set_image_datastores(client: Client) -> None:
    """They can only become more; and one cannot be without a name."""
    info = await client.caller.get(f"{SYSTEM}/info")
    if not info.ok:
        return
    known: list[str] = info.body["imageDatastores"]
    path = "/v1/infrastructure/image-datastores"
    less = await client.caller.post(path, {"items": known[1:]}) if len(known) > 1 else None
    if less is not None and less.ok:
        text = f"of the image datastores {known} one could be left out"
        raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text)
    if client.site.alone:
        grown = [*known, f"datastore-{client.random.randrange(3)}"]
        reply = await client.caller.post(path, {"items": list(dict.fromkeys(grown))})
        await _synced(client, reply)


async def _synced(client: Client, reply: Reply) -> None:
    if not reply.ok:
        return
    ended = await client.caller.ended(client.caller.task_in(reply))
    if ended is not None and ended["state"] == "ERROR":
        text = f"hosts could not be told their terms: {codes_of(ended)}"
        raise Broken(Promise.REFUSED_FOR_A_REASON, text, str(ended["id"]))


async def set_system_groups(client: Client) -> None:
    """Refused: nobody is asked who they are."""
    asked = Asked("POST", f"{SYSTEM}/set-security-groups", {"items": ["photon\\all"]}, tries=3)
    reply = await client.caller.send(asked)
    if reply.status and reply.code not in ("InvalidAuthConfig", SYSTEM_PAUSED):
        text = f"security groups of the system were set, or refused as {reply.code}"
        raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text)
