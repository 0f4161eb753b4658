"""What `photon store` does, by the program itself, on stores of both kinds."""

from __future__ import annotations

import asyncio
import gzip
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from photon.devbox.postgres import PrivatePostgres
from photon.domain.flavor import Flavor, FlavorKind
from photon.domain.project import Project
from photon.domain.quota import Amount, QuotaUnit
from photon.domain.subnet import Subnet
from photon.domain.tenant import Tenant
from photon.domain.vm import Vm
from photon.outside.clock import RealClock
from photon.store.nouns import FLAVORS, NOUNS, PROJECTS, SUBNETS, TENANTS, VMS
from photon.store.opening import open_store
from photon.store.postgres.driver import connect
from photon.store.protocol import Charge, CloudStore, Insert, Revision, SetLimits
from photon.store.snapshot import REVISION_LEAP
from photon.storekeeper.__main__ import photon_store
from tests.store.conftest import postgres
from tests.store.postgres_rig import new_schema

__all__ = ["postgres"]

VM_COUNT = 1_500  # More than one batch.
COST = (Amount("vm.cpu", 2.5, QuotaUnit.COUNT), Amount("vm.memory", 3, QuotaUnit.GB))


async def fill(where: str) -> Revision:
    store = await open_store(where, NOUNS, RealClock())
    limits = (Amount("vm.cpu", 1e6, QuotaUnit.COUNT),)
    await store.commit(
        [
            Insert(TENANTS, Tenant("t", "tenant")),
            Insert(PROJECTS, Project("p", "t", "ünï")),
            Insert(FLAVORS, Flavor("f", "small", FlavorKind.VM, COST)),
            Insert(SUBNETS, Subnet("s", "net", "", (), is_default=True)),
            SetLimits("t", (Amount("vm.cpu", 2e6, QuotaUnit.COUNT),)),
            SetLimits("p", limits),
            Charge("t", limits),
        ]
    )
    for start in range(0, VM_COUNT, 250):
        ids = [f"vm-{n:05}" for n in range(start, start + 250)]
        vms = [Vm(id, "p", id, "f", "small", "i", COST, 2, 4096) for id in ids]
        await store.commit(
            [*(Insert(VMS, vm) for vm in vms), *(Charge("p", vm.cost) for vm in vms)]
        )
    revision = await store.revision()
    await store.close()
    return revision


async def contents(where: str) -> tuple[Any, int]:
    """All that readers see, and the revision."""
    store: CloudStore = await open_store(where, NOUNS, RealClock())
    found: list[Any] = []
    for noun in NOUNS:
        found.append(await store.count(noun, {}))
        found.append((await store.page(noun, {}, limit=500)).items)
    found.append((await store.page(SUBNETS, {"is_default": True}, limit=9)).items)
    found.append(await store.quota("p"))
    revision = await store.revision()
    await store.close()
    return found, revision


def run(*arguments: str, code: int = 0, **environ: str) -> str:
    """What it said, on both outputs."""
    done = CliRunner().invoke(photon_store, arguments, env=environ)
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


@pytest.fixture
async def names(postgres: PrivatePostgres, tmp_path: Path) -> dict[str, str]:
    """A store of each kind that does not exist yet."""
    return {"sqlite": str(tmp_path / "store.db"), "postgres": await new_schema(postgres)}


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
async def test_a_cloud_moves_by_one_command(
    names: dict[str, str], source: str, target: str
) -> None:
    revision = await fill(names[source])
    said = await asyncio.to_thread(run, "copy", names[source], names[target])
    assert "1,5" in said
    assert "verified" in said
    before, after = await contents(names[source]), await contents(names[target])
    assert before[0] == after[0]
    assert (before[1], after[1]) == (revision, revision + REVISION_LEAP)
    again = await asyncio.to_thread(run, "copy", names[source], names[target], code=1)
    assert "is not empty" in again
    # It goes on from there.
    store = await open_store(names[target], NOUNS, RealClock())
    assert await store.commit([]) == revision + REVISION_LEAP + 1
    await store.close()


@pytest.mark.parametrize(("source", "target"), [("sqlite", "postgres"), ("postgres", "sqlite")])
async def test_a_backup_fits_both_kinds_and_is_made_while_a_controller_runs(
    names: dict[str, str], source: str, target: str, tmp_path: Path
) -> None:
    revision = await fill(names[source])
    file = tmp_path / "cloud.backup"
    running = await open_store(names[source], NOUNS, RealClock())
    await asyncio.to_thread(run, "backup", str(file), PHOTON_STORE=names[source])
    assert "exists" in await asyncio.to_thread(
        run, "backup", "--store", names[source], str(file), code=1
    )
    await running.commit([Insert(PROJECTS, Project("later", "t", "later"))])
    await running.close()
    said = await asyncio.to_thread(run, "restore", "--store", names[target], str(file))
    assert "verified" in said
    restored, at = await contents(names[target])
    assert at == revision + REVISION_LEAP
    assert restored[2 * NOUNS.index(PROJECTS)] == 1, "as it was when it was made"
    assert "0 findings" in await asyncio.to_thread(run, "check", "--store", names[target])


@pytest.mark.parametrize("kind", ["sqlite", "postgres"])
async def test_a_damaged_backup_is_refused_and_leaves_the_store_empty(
    names: dict[str, str], kind: str, tmp_path: Path
) -> None:
    await fill(names["sqlite"])
    file, bad = tmp_path / "cloud.backup", tmp_path / "bad.backup"
    await asyncio.to_thread(run, "backup", "--store", names["sqlite"], str(file))
    lines = gzip.decompress(file.read_bytes()).splitlines(keepends=True)
    target = str(tmp_path / "target.db") if kind == "sqlite" else names["postgres"]
    for damaged in (lines[:-1], [*lines[:9], *lines[10:]], [b"{}\n"], []):
        bad.write_bytes(gzip.compress(b"".join(damaged)))
        said = await asyncio.to_thread(run, "restore", "--store", target, str(bad), code=1)
        assert "not a whole backup" in said
    bad.write_bytes(file.read_bytes()[:-200])
    assert "not a whole backup" in await asyncio.to_thread(
        run, "restore", "--store", target, str(bad), code=1
    )
    assert "1,5" in await asyncio.to_thread(run, "restore", "--store", target, str(file))


@pytest.mark.parametrize("target", ["sqlite", "postgres"])
async def test_who_is_killed_in_the_middle_leaves_an_empty_store(
    names: dict[str, str], target: str, tmp_path: Path
) -> None:
    source = names["sqlite"]
    await fill(source)
    to = names["postgres"] if target == "postgres" else str(tmp_path / "target.db")
    for seconds in (0.4, 0.7, 1.0):
        copying = subprocess.Popen(  # noqa: ASYNC220  # it returns at once
            [sys.executable, "-m", "photon.storekeeper", "copy", source, to],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        await asyncio.sleep(seconds)  # Somewhere: before, in the middle of it, or after.
        copying.send_signal(signal.SIGKILL)
        copying.wait()
        found, revision = await contents(to)
        assert (found[2 * NOUNS.index(VMS)], revision > 0) in ((0, False), (VM_COUNT, True))
        if revision:
            return
    assert "verified" in await asyncio.to_thread(run, "copy", source, to)


async def test_what_is_in_use_is_neither_moved_nor_filled_nor_migrated(
    names: dict[str, str], tmp_path: Path
) -> None:
    running = [await open_store(where, NOUNS, RealClock()) for where in names.values()]
    for source, target in (names["sqlite"], "new"), (names["postgres"], "new"), ("none", "new"):
        said = await asyncio.to_thread(run, "copy", source, target, code=1)
        assert "in use" in said or "use this store" in said or "no CloudStore" in said
    for where in names.values():
        said = await asyncio.to_thread(run, "migrate", "--store", where, code=1)
        assert "in use" in said or "use this store" in said
    for store in running:
        await store.close()
    for where in names.values():
        assert "schema 0001" in await asyncio.to_thread(run, "migrate", "--store", where)


BROKEN = {
    "UPDATE quota_items SET usage_base = usage_base - 1 WHERE key = 'vm.cpu'": "charged",
    "UPDATE quota_items SET usage_base = 5 WHERE owner_id = 't'": "of tenant t: 5.0 charged",
    "DELETE FROM quota_items": "does not know of it",
    "UPDATE vms SET generation = 7 WHERE id = 'vm-00007'": "says that it is",
    "UPDATE vms SET revision = 999 WHERE id = 'vm-00007'": "of revision 999",
    "UPDATE changes SET revision = 999 WHERE id = 'vm-00008'": "the feed has revision 999",
    "DELETE FROM changes WHERE id = 'vm-00009'": "does not tell of it",
    "UPDATE changes SET generation = 3 WHERE id = 'vm-00010'": "the feed says 3 since",
    "DELETE FROM subnets": "the feed tells of subnets s at 1, which is not there",
    "UPDATE projects SET doc = 'x' WHERE id = 'p'": "cannot be read",
    "UPDATE feed SET trimmed = revision + 1": "the feed is trimmed to",
}


async def test_a_check_finds_what_contradicts_itself(names: dict[str, str]) -> None:
    where = names["postgres"]
    await fill(where)
    assert "0 findings" in await asyncio.to_thread(run, "check", "--store", where)
    connection = await connect(where)
    for damage, says in BROKEN.items():
        await connection.execute(damage)
        assert says in await asyncio.to_thread(run, "check", "--store", where, code=1)
    await connection.close(timeout=1)


async def test_a_check_asks_sqlite_for_its_file(names: dict[str, str]) -> None:
    where = names["sqlite"]
    await fill(where)
    assert "0 findings" in await asyncio.to_thread(run, "check", "--store", where)
    connection = sqlite3.connect(where)
    connection.execute("PRAGMA writable_schema = ON")
    # An index that is said to be of another column than it is.
    connection.execute(
        "UPDATE sqlite_schema SET sql = replace(sql, '(project_id', '(name')"
        " WHERE type = 'index' AND tbl_name = 'vms' AND sql LIKE '%(project_id, id)%'"
    )
    connection.commit()
    connection.close()
    assert "the file: row" in await asyncio.to_thread(run, "check", "--store", where, code=1)


async def test_a_check_asks_postgresql_for_its_files_where_it_can(
    names: dict[str, str], postgres: PrivatePostgres
) -> None:
    where = names["postgres"]
    await fill(where)
    assert "CREATE EXTENSION amcheck" in await asyncio.to_thread(run, "check", "--store", where)
    connection = await connect(where)
    await connection.execute("CREATE EXTENSION amcheck")
    said = await asyncio.to_thread(run, "check", "--store", where)
    assert "0 findings" in said
    assert "amcheck" not in said
    # Indexes that have no entry for a row that is there.
    for step in (
        "UPDATE pg_index SET indisready = false WHERE indrelid = 'vms'::regclass",
        "UPDATE vms SET name = 'another' WHERE id = 'vm-00001'",
        "UPDATE pg_index SET indisready = true WHERE indrelid = 'vms'::regclass",
    ):
        await connection.execute(step)
    said = await asyncio.to_thread(run, "check", "--store", where, code=1)
    assert "lacks matching index tuple" in said
    await connection.execute("DROP EXTENSION amcheck")
    await connection.close(timeout=1)


def test_photon_store_is_the_door_to_it() -> None:
    door = [sys.executable, "-m", "photon.cli", "store", "copy", "--help"]
    done = subprocess.run(door, capture_output=True, text=True, check=True)
    assert "Usage: photon store copy [OPTIONS] SOURCE TARGET" in done.stdout


def test_help_teaches() -> None:
    for verb in ("migrate", "backup", "restore", "check", "copy"):
        assert "Stop every controller" in run(verb, "--help") or verb not in ("migrate", "copy")
    assert "photon store copy" in run("--help")
    assert "There is no CloudStore" in run("check", "--store", "/nowhere/store.db", code=1)
