"""The store, and what of it is told to whom, broken on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from photon.api import submit
from photon.api.views.task import task_view
from photon.domain.quota import QuotaUnit
from photon.store import quota_rows, writes
from photon.store.errors import QuotaExceeded, StoreUnavailable
from photon.store.feed import Listeners
from photon.store.kept import KeptReads
from photon.store.nouns import DISKS, HOSTS, IMAGES, PROJECTS, VMS
from photon.store.postgres.committer import Committer
from photon.store.postgres.feed import Position
from photon.store.postgres.store import PostgresStore
from photon.store.protocol import Change, Reap, Revision, Update
from tests.simulation.mutations.mutation import Mutation, Surgery, replace

LOST_EVERY: Final = 40  # Of so many tellings, one.
OVERWRITTEN: Final = frozenset({VMS, DISKS, HOSTS, IMAGES, PROJECTS})


def ack_before_commit(surgery: Surgery) -> None:
    """The API answers, and commits afterwards."""

    def around(commit: Any) -> Any:
        async def answered(plane: Any, call: Any, task: Any, asked: Any) -> Any:
            view = task_view(task, call.base)
            committing = asyncio.ensure_future(commit(plane, call, task, asked))
            committing.add_done_callback(lambda done: done.cancelled() or done.exception())
            return view, Revision(await plane.store.revision() + 1)

        return answered

    surgery.wrap(submit, "_commit", around)


def lose_a_change(surgery: Surgery) -> None:
    told = 0

    def around(advance: Any) -> Any:
        def lossy(self: Any, changes: Sequence[Change], upto: Revision) -> None:
            nonlocal told
            told += 1
            lost = changes[:-1] if told % LOST_EVERY == 0 else changes
            advance(self, lost, upto)

        return lossy

    surgery.wrap(Position, "advance", around)


def tell_backwards(surgery: Surgery) -> None:
    def around(advance: Any) -> Any:
        def backwards(self: Any, changes: Sequence[Change], upto: Revision) -> None:
            advance(self, [*reversed(changes)], upto)

        return backwards

    surgery.wrap(Position, "advance", around)


def commit_twice(surgery: Surgery) -> None:
    """A group whose answer was lost is sent again, though it happened."""

    async def again(self: Any, group: Any, claim: Any) -> None:
        assert self._session is not None
        answer = await self._apply(self._session, group, claim.sequence + 1)
        await self._heard(answer)
        for waiting, outcome in zip(group.waiting, answer.outcomes, strict=True):
            if waiting.told.done():
                continue
            if isinstance(outcome, Exception):
                waiting.told.set_exception(outcome)
            else:
                waiting.told.set_result(outcome)

    surgery.replace(Committer, "_found", again)


def forget_what_was_lost(surgery: Surgery) -> None:
    """A group whose answer was lost is told to have failed, though it happened."""

    async def failed(self: Any, group: Any, claim: Any) -> None:
        await self._follower.reach(claim.revision)
        for waiting in group.waiting:
            if not waiting.told.done():
                waiting.told.set_exception(StoreUnavailable("The store went away."))

    surgery.replace(Committer, "_found", failed)


def keep_old_reads(surgery: Surgery) -> None:
    surgery.replace(KeptReads, "_drop", lambda self, name: None)


def delete_what_is_in_use(surgery: Surgery) -> None:
    surgery.replace(writes.Writer, "_require_none", lambda self, write: None)


def tell_twice(surgery: Surgery) -> None:
    told = 0

    def around(tell: Any) -> Any:
        def twice(self: Any, changes: Sequence[Change]) -> None:
            nonlocal told
            told += 1
            tell(self, changes)
            if told % LOST_EVERY == 0:
                tell(self, changes)

        return twice

    surgery.wrap(Listeners, "tell", around)


def overwrite_what_others_wrote(surgery: Surgery) -> None:
    """An update counts, whatever was written since its row was read; but for tasks and members."""

    def around(update: Any) -> Any:
        def unchecked(self: Any, write: Any, revision: Any) -> Any:
            if write.noun in OVERWRITTEN:
                sql = f"SELECT generation FROM {write.noun.name} WHERE id = ?"
                row = self._cursor.execute(sql, (write.entity.id,)).fetchone()
                if row is not None:
                    new = replace(write.entity, generation=row[0])
                    write = Update(write.noun, new, write.where)
            return update(self, write, revision)

        return unchecked

    surgery.wrap(writes.Writer, "_update", around)


def reap_what_is_used(surgery: Surgery) -> None:
    """What waits for its last user goes with any of them."""

    def around(reap: Any) -> Any:
        def at_once(self: Any, write: Any, revision: Any) -> Any:
            return reap(self, Reap(write.noun, write.id, write.where, ()), revision)

        return at_once

    surgery.wrap(writes.Writer, "_reap", around)


def let_one_more_in(surgery: Surgery) -> None:
    """A quota that is full has room for one more."""

    def around(charge: Any) -> Any:
        def lax(cursor: Any, write: Any) -> None:
            try:
                charge(cursor, write)
            except QuotaExceeded as full:
                if full.unit != QuotaUnit.COUNT or full.usage > full.limit:
                    raise
                cursor.execute("PRAGMA ignore_check_constraints = ON")
                charge(cursor, write)
                cursor.execute("PRAGMA ignore_check_constraints = OFF")

        return lax

    surgery.wrap(quota_rows, "charge", around)


def skip_a_row_between_pages(surgery: Surgery) -> None:
    def around(page: Any) -> Any:
        async def skipping(
            self: Any, noun: Any, where: Any, *, limit: int, after: Any = None, before: Any = None
        ) -> Any:
            answer = await page(self, noun, where, limit=limit, after=after, before=before)
            if after is not None and len(answer.items) > 1:
                answer = replace(answer, items=answer.items[1:])
            return answer

        return skipping

    surgery.wrap(PostgresStore, "page", around)


MUTATIONS: Final = (
    Mutation("tell-twice", "calm", "a change of the feed is told twice now and then", tell_twice),
    Mutation(
        "overwrite",
        "lossy",
        "what others wrote since a row was read is overwritten",
        overwrite_what_others_wrote,
    ),
    Mutation("reap-the-used", "calm", "what is still used goes with one user", reap_what_is_used),
    Mutation("one-more", "calm", "a full quota lets one more in", let_one_more_in),
    Mutation(
        "skip-a-row",
        "calm",
        "the second page of a list begins one row too late",
        skip_a_row_between_pages,
    ),
    Mutation(
        "ack-before-commit",
        "calm",
        "the API answers before its commit",
        ack_before_commit,
        quick=True,
    ),
    Mutation(
        "lose-a-change",
        "calm",
        "a change of the feed is not told now and then",
        lose_a_change,
        quick=True,
    ),
    Mutation(
        "tell-backwards", "calm", "the feed tells changes out of order", tell_backwards, quick=True
    ),
    Mutation(
        "commit-twice",
        "losing",
        "a lost COMMIT that happened is sent again",
        commit_twice,
        quick=True,
    ),
    Mutation(
        "forget-what-was-lost",
        "losing",
        "a lost COMMIT that happened is told to have failed",
        forget_what_was_lost,
    ),
    Mutation(
        "keep-old-reads",
        "calm",
        "kept reads outlive the changes that make them old",
        keep_old_reads,
        steps=300,
        quick=True,
    ),
    Mutation(
        "delete-in-use",
        "calm",
        "what must not be in use is not looked for",
        delete_what_is_in_use,
        quick=True,
    ),
)
