"""Requests that cannot be: each has its answer, and changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from photon.workload.broken import Broken, Promise
from photon.workload.caller import Asked
from photon.workload.client import Client
from photon.workload.facts import Life
from photon.workload.gate import SYSTEM_PAUSED
from photon.workload.things import Zone

NOBODY: Final = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Impossible:
    method: str
    path: str
    body: object
    status: int
    code: str


IMPOSSIBLE: Final = (
    Impossible("POST", "/v1/tenants", b"{", 400, "InvalidJson"),
    Impossible("POST", "/v1/tenants", {"name": "1st"}, 400, "InvalidEntity"),
    Impossible("POST", "/v1/tenants", {"name": "x" * 64}, 400, "InvalidEntity"),
    Impossible("POST", "/v1/tenants", {}, 400, "InvalidEntity"),
    Impossible("PUT", "/v1/tenants", {}, 405, "MethodNotAllowed"),
    Impossible("GET", f"/v1/tenants/{NOBODY}", None, 404, "NotFound"),
    Impossible("GET", f"/v1/vms/{NOBODY}", None, 404, "VmNotFound"),
    Impossible("POST", f"/v1/vms/{NOBODY}/start", None, 404, "VmNotFound"),
    Impossible("DELETE", f"/v1/disks/{NOBODY}", None, 404, "DiskNotFound"),
    Impossible("DELETE", f"/v1/images/{NOBODY}", None, 404, "ImageNotFound"),
    Impossible("DELETE", f"/v1/flavors/{NOBODY}", None, 404, "FlavorNotFound"),
    Impossible("GET", f"/v1/tasks/{NOBODY}", None, 404, "NotFound"),
    Impossible("GET", "/v1/nothing", None, 404, "NotFound"),
    Impossible("GET", "/v1/vms?pageSize=0", None, 404, "NotFound"),
    Impossible("GET", "/v1/flavors?pageSize=0", None, 400, "InvalidPageSize"),
    Impossible("GET", "/v1/flavors?pageSize=1e9", None, 400, "InvalidPageSize"),
    Impossible("GET", "/v1/flavors?pageLink=bm90aGluZw", None, 404, "PageExpired"),
    Impossible(
        "POST", "/v1/flavors", {"name": "f", "kind": "vm", "cost": []}, 400, "InvalidEntity"
    ),
    Impossible(
        "POST",
        "/v1/flavors",
        {"name": "f", "kind": "vm", "cost": [{"key": "vm.cpu", "value": 1, "unit": "COUNT"}]},
        400,
        "InvalidFlavorSpecification",
    ),
)


async def ask_the_impossible(client: Client) -> None:
    asked = client.random.choice(IMPOSSIBLE)
    reply = await client.caller.send(Asked(asked.method, asked.path, asked.body, tries=3))
    expected = ((asked.status, asked.code), (403, SYSTEM_PAUSED))
    if reply.status and (reply.status, reply.code) not in expected:
        said = f"{reply.status} {reply.body}"
        text = f"{asked.method} {asked.path} {asked.body!r} was answered with {said}"
        raise Broken(Promise.REFUSES_WHAT_CANNOT_BE, text)


async def reuse_a_key(client: Client) -> None:
    """One key for two requests: the second is refused, and makes nothing; elsewhere it is new."""
    key = client.caller.desk.new_key()
    names = [f"zone-{client.random.randrange(1000)}-{place}" for place in range(2)]
    zone = Zone(name=names[0], life=Life(client.history.tick()))
    zone.asked = ("/v1/zones", {"name": names[0]}, key)
    client.model.zones.ask(zone)
    first = await client.caller.post("/v1/zones", {"name": names[0]}, key=key)
    if not first.ok:
        return
    client.created(client.model.zones, zone, first, key)
    second = await client.caller.post("/v1/zones", {"name": names[1]}, zone.id, key=key)
    if second.status and second.code not in ("IdempotencyKeyReused", SYSTEM_PAUSED):
        text = f"{key} was used for two requests, and answered with {second.body}"
        raise Broken(Promise.KEY_IS_ONE_REQUEST, text, zone.id)
    third = await client.caller.post(f"/v1/vms/{NOBODY}/start", None, zone.id, key=key)
    if third.status and third.code != "VmNotFound":
        text = f"{key} counts for another path, too: {third.body}"
        raise Broken(Promise.KEY_IS_ONE_REQUEST, text, zone.id)
