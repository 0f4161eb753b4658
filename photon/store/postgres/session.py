"""A writer's session: the connection on which groups are applied, and the claim to be the one.

Each store object has a row in `writers`. Every group counts its `sequence` up in its own
transaction; a new session counts `session` up, which no group of an older one survives. So whoever
lost the connection in the middle of a COMMIT knows, once it has a new session, whether the group
happened; and if it did not, it never will.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from photon.store.errors import StoreInUse, StoreLost
from photon.store.feed import TRIM_MAX, TRIM_STEP
from photon.store.postgres.answers import Answer, read_answer
from photon.store.postgres.apply import CALL, PARAMETERS, session_functions
from photon.store.postgres.connections import close, connect
from photon.store.postgres.driver import Connection
from photon.store.postgres.group import GAP_MAX, Group
from photon.store.postgres.migrate import LOCK_CLASS, check
from photon.store.protocol import Noun, Revision

_IN_USE: Final = "SELECT pg_try_advisory_lock_shared($1, 'feed'::regclass::oid::integer)"
_NEW_WRITER: Final = (
    "INSERT INTO writers (id, session, sequence, before, refused, used_at)"
    " VALUES (gen_random_uuid()::text, 1, 0, 0, '{}', now())"
    " RETURNING id, session, sequence, before, refused"
)
# A writer that was away for so long begins anew.
_FORGET: Final = "DELETE FROM writers WHERE used_at < now() - interval '1 day'"
# What the lost session left running. It holds the feed's row, and nobody waits for its answer.
_END_OTHERS: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name = $1 AND pid <> pg_backend_pid()"
)
# After its COMMIT, all that this session's writer committed before is as safe as this is, also on
# standbys that a lost session did not wait for.
_CLAIM: Final = (
    "UPDATE writers SET session = session + 1, used_at = now() WHERE id = $1"
    " RETURNING id, session, sequence, before, refused"
)
_FEED: Final = "SELECT revision FROM feed WHERE one = 1 FOR UPDATE"


@dataclass(frozen=True, slots=True)
class Claim:
    """The writer's row, and the newest revision, when the session began."""

    id: str
    session: int
    sequence: int
    before: Revision
    refused: frozenset[int]
    revision: Revision


class Session(Protocol):
    """`apply` groups, until the connection is lost: then it raises what `is_lost` knows."""

    @property
    def claim(self) -> Claim: ...

    async def apply(self, group: Group, sequence: int, since: Revision, kept: int) -> Answer:
        """The server's answer. What the server refuses as a whole is a PostgresError."""
        ...

    def drop(self) -> None:
        """Without a word: to cancel what runs could end a COMMIT before standbys have it."""
        ...

    async def close(self) -> None: ...


# For a new writer (None), or for one whose session was lost.
OpenSession = Callable[[str | None], Awaitable[Session]]


class WriterSession:
    """See Session: on a connection of its own."""

    def __init__(
        self, connection: Connection, claim: Claim, apply: Any, nouns: Sequence[Noun[Any]]
    ) -> None:
        self._connection = connection
        self._apply = apply
        self._nouns = nouns
        self.claim = claim

    @classmethod
    async def open(cls, url: str, nouns: Sequence[Noun[Any]], writer: str | None) -> WriterSession:
        """A session for a new writer, or for one whose session was lost.

        Raises:
            SchemaTooOld, SchemaTooNew: the store is not of this release.
            StoreInUse: it is being migrated or restored.
            StoreLost: the server does not know the writer.
        """
        connection = await connect(url, "new writer")
        beginning = asyncio.ensure_future(cls._begun(connection, nouns, writer))
        try:
            return await asyncio.shield(beginning)
        except BaseException:
            # Who waits no longer hangs up. To cancel what runs could end a COMMIT before standbys
            # have it, and others would see what the next primary may not know.
            connection.terminate()
            await asyncio.gather(beginning, return_exceptions=True)
            raise

    @classmethod
    async def _begun(
        cls, connection: Connection, nouns: Sequence[Noun[Any]], writer: str | None
    ) -> WriterSession:
        await check(connection)
        if not await connection.fetchval(_IN_USE, LOCK_CLASS):
            raise StoreInUse("The store is being migrated or restored. Wait, then try again.")
        claim = await _claim(connection, writer)
        await connection.execute(f"SET application_name = '{_application(claim.id)}'")
        await connection.execute(session_functions(nouns))
        return cls(connection, claim, await connection.prepare(CALL), nouns)

    async def apply(self, group: Group, sequence: int, since: Revision, kept: int) -> Answer:
        arrays = group.arrays
        values = {
            "p_writer": self.claim.id,
            "p_session": self.claim.session,
            "p_sequence": sequence,
            "p_since": since,
            "p_gap_max": GAP_MAX,
            "p_kept": kept,
            "p_trim_step": TRIM_STEP,
            "p_trim_max": TRIM_MAX,
            "p_each": group.each,
            "p_first": group.first,
            "p_sets": arrays.sets,
            "p_changed": arrays.changed,
            "p_charge_sets": arrays.charge_sets,
            "p_owners": arrays.owners,
            "p_kinds": arrays.kinds,
            "p_nouns": arrays.nouns,
            "p_ids": arrays.ids,
            "p_gens": arrays.gens,
            "p_conds": arrays.conds,
            "p_at": arrays.at,
            "p_docs": arrays.docs,
            "p_texts": arrays.texts,
            "p_keys": arrays.keys,
            "p_units": arrays.units,
            "p_bases": arrays.bases,
        }
        row = await self._apply.fetchrow(*[values[name] for name in PARAMETERS])
        return read_answer(group, row, since, self._nouns)

    def drop(self) -> None:
        self._connection.terminate()

    async def close(self) -> None:
        await close(self._connection)


async def _claim(connection: Connection, writer: str | None) -> Claim:
    if writer is None:
        await connection.execute(_FORGET)
    else:
        await connection.execute(_END_OTHERS, _application(writer))
    async with connection.transaction():
        # Waits for a group of the lost session that is in the middle of its COMMIT.
        revision = await connection.fetchval(_FEED)
        if writer is None:
            row = await connection.fetchrow(_NEW_WRITER)
        else:
            row = await connection.fetchrow(_CLAIM, writer)
    if row is None:
        raise StoreLost(
            "The database does not know this writer any more: it was restored, or failed over to a "
            "server that lacks the newest commits. Start the controller again."
        )
    return Claim(
        row["id"],
        row["session"],
        row["sequence"],
        Revision(row["before"]),
        frozenset(row["refused"]),
        Revision(revision),
    )


def _application(writer: str) -> str:
    return f"photon writer {writer}"
