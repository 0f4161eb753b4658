"""`python -m photon.storekeeper`, which `photon store` starts."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from photon.outside.clock import RealClock
from photon.store.archive import FORMAT, Head, write_archive
from photon.store.checking import Check
from photon.store.errors import StoreNotOpened
from photon.store.migrate import HISTORY
from photon.store.nouns import NOUNS
from photon.store.opening import is_shared
from photon.store.postgres.driver import PostgresError
from photon.store.postgres.migrate import upgrade
from photon.store.postgres.snapshot import connected
from photon.store.snapshot import Digest, Snapshot, pour
from photon.store.sqlite import SqliteOptions, SqliteStore
from photon.storekeeper import doors

T = TypeVar("T")

FOUND: Final = 1  # The exit code of a check that found something, or of what was refused.

_screen = Console(stderr=True)

_store_option = click.option(
    "--store",
    required=True,
    envvar="PHOTON_STORE",
    show_envvar=True,
    metavar="STORE",
    help="postgresql://USER@HOST/DATABASE, or the path of a cloudstore.sqlite.",
)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 refused, or something was found, 2 wrong usage.",
)
def photon_store() -> None:
    """Migrate, back up, restore, check and copy a CloudStore.

    A STORE is a PostgreSQL database (postgresql://USER@HOST/DATABASE) or a SQLite file
    (DATA_DIR/cloudstore.sqlite); backups fit both.

    \b
    A cloud outgrows one machine:
      stop the controller
      photon store copy DATA_DIR/cloudstore.sqlite postgresql://photon@db/photon
      PHOTON_STORE=postgresql://photon@db/photon photon controller ...
    """


@photon_store.command()
@_store_option
def migrate(store: str) -> None:
    """Bring an older store to this release's schema. Stop every controller before.

    All of it happens, or nothing: a migration that fails or is killed leaves the store as it was.
    A store of this release is left alone. Take a backup first.
    """
    if not is_shared(store) and not Path(store).is_file():
        raise click.ClickException(f"There is no CloudStore at {store}.")
    before, after = _run(_migrate(store))
    print(f"schema {after}" if before == after else f"schema {before} -> {after}")


@photon_store.command()
@_store_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def backup(store: str, file: Path) -> None:
    """Write all of a store into FILE, as it is at one moment, while controllers go on.

    Images and the guests' disks are files of their own: see the how-to on backups.
    """
    if file.exists():
        raise click.ClickException(f"{file} exists. Name another file, or remove it.")
    digest, revision = _run(_backup(store, file))
    print(f"{file}: {_rows(digest)}, revision {revision}")


@photon_store.command()
@_store_option
@click.argument("file", type=click.Path(path_type=Path))
def restore(store: str, file: Path) -> None:
    """Fill an empty store with the backup FILE.

    What is not empty is refused. The store's revision becomes much higher than the backup's, so
    that agents take its orders for newer than all that they have seen. Killed in the middle, the
    store is still empty: begin again.
    """
    digest, revision = _run(_restore(store, file))
    print(f"{doors.shown(store)}: {_rows(digest)}, verified; revision {revision}")


@photon_store.command()
@_store_option
def check(store: str) -> None:
    """Read everything and look for contradictions. Exit code 1 when there are some.

    Each row must be readable and say of itself what its columns say, and what the change feed says
    of it; the feed be in order; a project's quota be what its VMs and disks add up to, and a
    tenant's what it gave to its projects. The engine checks its own files: SQLite by
    integrity_check, PostgreSQL by the extension amcheck, where it is installed. Controllers may go
    on meanwhile.
    """
    findings, looked_at, revision = _run(_check(store))
    word = _run(doors.engine_of(store))
    findings += word.findings
    for finding in findings:
        print(finding)
    if word.note:
        print(f"({word.note})")
    print(f"{doors.shown(store)}: {looked_at} rows, revision {revision}, {len(findings)} findings")
    sys.exit(FOUND if findings else 0)


@photon_store.command()
@click.argument("source")
@click.argument("target")
def copy(source: str, target: str) -> None:
    """Move a cloud: fill the empty store TARGET with all of SOURCE, and compare both.

    Of two kinds or of one, in either direction. Stop every controller of SOURCE before: what it
    commits later is not copied. SOURCE is not changed. Killed in the middle, TARGET is still
    empty: begin again.

    \b
    Example:
      photon store copy /var/lib/photon/cloudstore.sqlite postgresql://photon@db/photon
    """
    digest, revision = _run(_copy(source, target))
    print(f"{doors.shown(target)}: {_rows(digest)}, verified; revision {revision}")
    print(f"Start controllers with PHOTON_STORE={doors.shown(target)}, and none with the old one.")


async def _migrate(store: str) -> tuple[str, str]:
    if is_shared(store):
        async with connected(store) as connection:
            return await upgrade(connection)
    # A SQLite store is migrated by whoever opens it, for nobody else can have it open.
    await SqliteStore(store, NOUNS, RealClock(), SqliteOptions()).close()
    return HISTORY.schemas[-1], HISTORY.schemas[-1]


async def _backup(store: str, file: Path) -> tuple[Digest, int]:
    async with doors.reading(store) as snapshot:
        head = Head(FORMAT, snapshot.schema, snapshot.revision, RealClock().now_ms())
        with write_archive(file, head) as archive, _progress("writing") as bar:
            bar.total(await _count(snapshot))
            digest = await pour(snapshot, NOUNS, archive, bar.more)
            await archive.finish(snapshot.revision)
        return digest, snapshot.revision


async def _restore(store: str, file: Path) -> tuple[Digest, int]:
    snapshot = doors.archive(file)
    with _progress("restoring, then comparing") as bar:
        bar.total(2 * await _count(snapshot))
        return await doors.fill(snapshot, store, bar.more)


async def _check(store: str) -> tuple[list[str], int, int]:
    check = Check()
    async with doors.reading(store) as snapshot:
        with _progress("checking") as bar:
            bar.total(await _count(snapshot))
            await check.run(snapshot, NOUNS, bar.more)
        return check.findings, sum(check.counts.values()), snapshot.revision


async def _copy(source: str, target: str) -> tuple[Digest, int]:
    async with doors.reading(source, alone=True) as snapshot:
        with _progress("copying, then comparing") as bar:
            bar.total(2 * await _count(snapshot))
            return await doors.fill(snapshot, target, bar.more)


async def _count(snapshot: Snapshot) -> int:
    return sum([await snapshot.count(noun) for noun in NOUNS])


class _Bar:
    def __init__(self, progress: Progress, what: str) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=None)

    def total(self, rows: int) -> None:
        self._progress.update(self._task, total=rows)

    def more(self, rows: int) -> None:
        self._progress.advance(self._task, rows)


@contextmanager
def _progress(what: str) -> Iterator[_Bar]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns, TimeElapsedColumn(), console=_screen, disable=not _screen.is_terminal
    ) as progress:
        yield _Bar(progress, what)


def _rows(digest: Digest) -> str:
    return f"{sum(digest.counts.values()):,} rows"


def _run(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except (StoreNotOpened, doors.CopyDiffers) as problem:
        raise click.ClickException(str(problem)) from problem
    except sqlite3.DatabaseError as problem:
        raise click.ClickException(
            f"SQLite cannot read the file: {problem}. Restore a backup, or recover what is left "
            "with `sqlite3 FILE .recover`."
        ) from problem
    except (OSError, PostgresError) as problem:
        raise click.ClickException(f"{problem}. Nothing was changed.") from problem


if __name__ == "__main__":
    photon_store(prog_name="photon store")
