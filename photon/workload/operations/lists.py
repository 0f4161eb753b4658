"""Lists, page by page: whole, in order, and of nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from photon.workload.broken import Broken, Promise
from photon.workload.caller import Reply
from photon.workload.client import Client
from photon.workload.facts import Span
from photon.workload.history import Moment
from photon.workload.ledger import Json
from photon.workload.operations.hosts import HOSTS
from photon.workload.things import Shelf, Thing

PATHS: Final = {
    "tenant": "/v1/tenants",
    "project": "/v1/projects",
    "flavor": "/v1/flavors",
    "image": "/v1/images",
    "subnet": "/v1/subnets",
    "zone": "/v1/zones",
    "host": HOSTS,
    "VM": "/v1/vms",
    "disk": "/v1/disks",
}
BACKWARDS: Final = 0.15  # So many of the lists are read from their end as well.

PAGES_MAX = 1_000  # A list that never ends is a fault, too.
SMALL_PAGES_MAX = 50  # Enough to see how pages meet; the rest of a long list comes in large ones.


@dataclass(frozen=True, slots=True)
class Walked:
    """All items of a list, and from when until when it was read."""

    items: list[Json]
    span: Span


def _own_id(item: Json) -> str:
    return str(item["id"])


async def walk(
    client: Client, path: str, *ids: str, by: Callable[[Json], str] = _own_id
) -> Walked | None:
    """Every page of a list, which is in order `by` this. None: its owner is gone, or nobody
    answers."""
    begin = client.history.tick()
    # Where others work too, lists are long: by pages of one they would hardly end.
    sizes = (None, 1, 2, 3, 7, 100) if client.site.alone else (None, 50, 100)
    size = client.random.choice(sizes)
    joint = "&" if "?" in path else "?"
    link: str | None = path if size is None else f"{path}{joint}pageSize={size}"
    items: list[Json] = []
    pages = 0
    page: Json = {}
    while link is not None:
        reply = await client.caller.get(link, *ids)
        if not reply.ok:
            _judge_link(link, reply, *ids)
            return None
        page = reply.body
        items += page["items"]
        link = page["nextPageLink"]
        pages += 1
        if pages == SMALL_PAGES_MAX and link is not None and size is not None:
            # A large cloud's list: a few pages have shown how they meet.
            size, items, link = None, [], path
        if pages > PAGES_MAX:
            raise Broken(Promise.LISTS_ARE_WHOLE, f"the list {path} does not end", *ids)
    _judge_order(path, [by(item) for item in items], *ids)
    if page.get("previousPageLink") is not None and client.chance(BACKWARDS):
        return await _walk_back(client, page, begin, by, *ids)
    return Walked(items, Span(begin, client.history.tick()))


async def _walk_back(
    client: Client, page: Json, begin: Moment, by: Callable[[Json], str], *ids: str
) -> Walked | None:
    """From the last page to the first: again all that is there, since `begin`."""
    items = list(page["items"])
    while (link := page["previousPageLink"]) is not None:
        reply = await client.caller.get(link, *ids)
        if not reply.ok:
            _judge_link(link, reply, *ids)
            return None
        page = reply.body
        items = [*page["items"], *items]
    _judge_order("read backwards", [by(item) for item in items], *ids)
    return Walked(items, Span(begin, client.history.tick()))


def _judge_link(link: str, reply: Reply, *ids: str) -> None:
    """A link that a page gave leads somewhere, as long as the list's owner is there."""
    if reply.code == "PageExpired":
        raise Broken(Promise.LISTS_ARE_WHOLE, f"{link} was given, and leads nowhere", *ids)


def _judge_order(path: str, listed: list[str], *ids: str) -> None:
    if listed != sorted(set(listed)):
        text = f"the list {path} is not in order, or tells something twice: {listed}"
        raise Broken(Promise.LISTS_ARE_WHOLE, text, *ids)


def judge_list(
    shelf: Shelf[Any], things: Iterable[Thing], walked: Walked, *, strangers: bool = False
) -> None:
    """All that surely was there is in the list, and nothing that surely was not. Raises Broken.

    `strangers`: the list may have more than what was told to clients.
    """
    listed = {str(item["id"]) for item in walked.items}
    known = set()
    unknown = 0
    for thing in things:
        if not thing.id:
            unknown += thing.life.maybe(walked.span)
            continue
        known.add(thing.id)
        if thing.life.surely(walked.span) and thing.id not in listed:
            text = f"{shelf.noun} {thing.id} ({thing.name}) is missing in its list"
            raise Broken(Promise.LISTS_ARE_WHOLE, text, thing.id)
        if thing.id in listed and not thing.life.maybe(walked.span):
            text = f"{shelf.noun} {thing.id} ({thing.name}) was deleted, and is in its list"
            raise Broken(Promise.DELETED_STAYS_AWAY, text, thing.id)
    strange = sorted(listed - known)
    if len(strange) > unknown and not (strangers or shelf.strangers):
        text = f"{strange} are listed, and nobody was told of such a {shelf.noun}"
        raise Broken(Promise.NOTHING_FROM_NOWHERE, text, *strange)


async def list_something(client: Client) -> None:
    """Any list that shows things alone."""
    model = client.model
    shelves: tuple[tuple[Shelf[Any], str], ...] = (
        (model.tenants, "/v1/tenants"),
        (model.flavors, "/v1/flavors"),
        (model.subnets, "/v1/subnets"),
        (model.zones, "/v1/zones"),
        (model.hosts, "/v1/infrastructure/hosts"),
        (model.images, "/v1/images"),
    )
    shelf, path = client.random.choice(shelves)
    before = list(shelf)
    walked = await walk(client, path)
    if walked is not None:
        things = dict.fromkeys([*before, *shelf])
        # An upload that broke off leaves an image in ERROR that its client was never told of.
        judge_list(shelf, things, walked, strangers=shelf is model.images)


async def list_project(client: Client) -> None:
    """What is in one project."""
    project = client.some(client.model.projects)
    if project is None:
        return
    shelves: tuple[tuple[Shelf[Any], str], ...] = (
        (client.model.vms, "vms"),
        (client.model.disks, "disks"),
    )
    shelf, name = client.random.choice(shelves)
    before = list(shelf)
    walked = await walk(client, f"/v1/projects/{project.id}/{name}", project.id)
    if walked is not None:
        things = [x for x in dict.fromkeys([*before, *shelf]) if x.project is project]
        judge_list(shelf, things, walked)
