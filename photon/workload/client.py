"""One client of the workload, as operations see it: what it may choose from, and how it asks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from photon.workload.broken import Broken, Promise
from photon.workload.caller import Caller, Reply
from photon.workload.facts import Cell, Span
from photon.workload.gate import SYSTEM_PAUSED
from photon.workload.ledger import Json, codes_of
from photon.workload.model import Model, judge_there
from photon.workload.site import Site
from photon.workload.things import Disk, Shelf, T, Thing, Use, Vm

CONTENDED: Final = 0.1  # So often a client takes what another works with.
STALE: Final = 0.03  # So often it takes what is gone, or about to go.

CONCURRENT: Final = "ConcurrentTask"
ERROR: Final = "ERROR"  # as states of VMs and disks have it
_AGAIN: Final = 0.05  # So many requests are sent once more with their key, though answered.


class Client:
    def __init__(self, caller: Caller, model: Model, site: Site) -> None:
        self.caller = caller
        self.model = model
        self.site = site
        self.random = caller.random
        self.history = caller.desk.history

    # What it chooses

    def some(self, things: Iterable[T]) -> T | None:
        """One that is there and idle, as a rule; now and then one that is busy, or gone."""
        known = [thing for thing in things if thing.id]
        draw = self.random.random()
        if draw >= STALE:
            known = [thing for thing in known if thing.life.is_usable]
        if draw >= STALE + CONTENDED:
            known = [thing for thing in known if thing.is_idle]
        return self.random.choice(known) if known else None

    def ready(self, things: Iterable[T]) -> T | None:
        """One to make something of, or in: whoever else uses it."""
        known = [thing for thing in things if thing.life.is_usable]
        return self.random.choice(known) if known else None

    def gone(self, things: Iterable[T]) -> T | None:
        """One of which nothing can be made any more, and that is known."""
        moment = self.history.tick()
        now = Span(moment, moment)
        known = [thing for thing in things if thing.id and not thing.life.maybe_open(now)]
        return self.random.choice(known) if known else None

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    @contextmanager
    def using(self, *things: Thing) -> Iterator[Use]:
        use = Use()
        for thing in things:
            for other in thing.uses:
                other.alone = use.alone = False
            use.alone &= not thing.doubts
            thing.uses.append(use)
        try:
            yield use
        finally:
            for thing in things:
                thing.uses.remove(use)

    # How it asks

    async def make(
        self, shelf: Shelf[T], thing: T, path: str, body: object, *ids: str
    ) -> tuple[Reply, Json | None]:
        """Asks for a new thing; the task of the answer, if it was not refused.

        A refusal is the caller's to judge. Without any answer the thing may be there, unknown.
        """
        key = self.caller.desk.new_key()
        thing.asked = (path, body, key)
        thing.life.asked = self.history.tick()
        shelf.ask(thing)
        reply = await self.caller.post(path, body, *ids, key=key)
        if reply.refused:
            shelf.refused(thing)
        if not reply.ok:
            return reply, None
        task = self.created(shelf, thing, reply, key)
        if self.chance(_AGAIN):
            await self._once_more(thing, reply, *ids)
        return reply, task

    def created(self, shelf: Shelf[T], thing: T, reply: Reply, key: str) -> Json:
        """Enters what an answer says to have been made."""
        task = dict(reply.body)
        # A key's answer is what was said first, however late it is asked for again.
        self.caller.desk.ledger.saw_task(task, Span(thing.life.asked, reply.span.end))
        id = str(task["entity"]["id"])
        self.caller.desk.ledger.new_id(id, key)
        self.caller.desk.ledger.new_id(str(task["id"]), key)
        shelf.made(thing, id, reply.span)
        said = f"  {shelf.noun} {thing.name} is {id}"
        self.history.say(self.caller.name, said, id, str(task["id"]))
        return task

    async def _once_more(self, thing: Thing, first: Reply, *ids: str) -> None:
        """The same request with the same key: the same task, and nothing new."""
        assert thing.asked is not None
        path, body, key = thing.asked
        again = await self.caller.post(path, body, thing.id, *ids, key=key)
        if again.code == SYSTEM_PAUSED:
            return
        if again.status and (not again.ok or again.body["id"] != first.body["id"]):
            text = f"{key} was answered with task {first.body['id']}, and then with {again.body}"
            raise Broken(Promise.KEY_IS_ONE_REQUEST, text, thing.id, first.body["id"])

    async def wait(self, task: Json, thing: Thing, use: Use, *ids: str) -> Json | None:
        """The task's end; None if it does not come, which leaves a doubt about the thing.

        Raises:
            Broken: it was refused for another task, and there was none.
        """
        thing.doubts += 1
        ended = await self.caller.ended(task, thing.id, *ids)
        if ended is None:
            return None
        thing.doubts -= 1
        if use.alone and CONCURRENT in codes_of(ended):
            text = f"task {ended['id']} found {thing.id} locked, and nobody else works on it"
            raise Broken(Promise.REFUSED_FOR_A_REASON, text, thing.id, str(ended["id"]))
        return ended

    async def act(
        self, shelf: Shelf[T], thing: T, use: Use, way: tuple[str, str], body: object = None
    ) -> Json | None:
        """A change of a thing, by method and the rest of its path: its task when it has ended.

        None: nothing was changed, or nobody knows, and then the thing has a doubt.
        """
        reply = await self.change(shelf, thing, way, body)
        if not reply.ok:
            thing.doubts += not reply.refused
            return None
        return await self.wait(self.caller.task_in(reply), thing, use)

    async def change(
        self, shelf: Shelf[T], thing: T, way: tuple[str, str], body: object = None
    ) -> Reply:
        """A change of a thing; that it is there, or is not, is judged."""
        method, path = way
        if method == "POST":
            reply = await self.caller.post(path, body, thing.id)
        else:
            reply = await self.caller.once(method, path, body, thing.id)
        if reply.status:
            judge_there(shelf.noun, thing, reply)
        return reply

    async def look(self, shelf: Shelf[T], thing: T, path: str) -> Reply | None:
        """The thing as anybody shows it; None: it is not there, or nobody answers."""
        reply = await self.caller.get(path, thing.id)
        return reply if reply.status and judge_there(shelf.noun, thing, reply) else None

    async def delete(
        self, shelf: Shelf[T], thing: T, use: Use, path: str
    ) -> tuple[Reply, Json | None]:
        """Asks for its end. That it is gone is the caller's to say: not all goes at once.

        A delete that failed may have been done on the host all the same: then what is left is in
        ERROR, as soon as somebody has looked.
        """
        cell = thing.state if isinstance(thing, Vm | Disk) else Cell("")
        at = self.history.tick()
        thing.life.delete_asked(at)
        lost = cell.begin(at, lambda _: ERROR)
        reply = await self.change(shelf, thing, ("DELETE", path))
        if reply.status == 404:
            thing.life.deleted(reply.span.end)
        elif reply.refused:
            thing.life.delete_refused()
            cell.refused(lost, self.history.tick())
        elif not reply.ok:
            thing.doubts += 1
        if not reply.ok:
            return reply, None
        ended = await self.wait(self.caller.task_in(reply), thing, use)
        if ended is not None and ended["state"] == "ERROR":
            thing.life.delete_refused()
            if CONCURRENT in codes_of(ended):
                cell.refused(lost, self.history.tick())
            else:
                cell.unknown(lost, self.history.tick())
        return reply, ended
