"""New stores and migrated ones have one schema; newer ones are refused; lists use their indexes."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory

from photon.outside.clock import RealClock
from photon.store.errors import SchemaTooNew
from photon.store.migrate import HISTORY, History, prepare, upgrade
from photon.store.nouns import (
    DATASTORE_TAGS,
    DATASTORES,
    DEBTS,
    DISKS,
    EPHEMERAL_DISKS,
    FLAVORS,
    HOST_DATASTORES,
    HOSTS,
    IMAGES,
    MISSING_HOSTS,
    NICS,
    NOUNS,
    ORPHANS,
    PORT_GROUPS,
    PROJECTS,
    SUBNETS,
    TASKS,
    TENANTS,
    VMS,
    ZONES,
)
from photon.store.protocol import Noun, Where
from photon.store.sqlite import SqliteOptions, SqliteStore
from photon.store.statements import NounStatements

SECOND = """
revision = "0002"
down_revision = "0001"

from alembic import op

def upgrade() -> None:
    op.execute("CREATE TABLE later (id TEXT PRIMARY KEY)")
    {then}
"""


def schema(path: Path) -> dict[str, str]:
    """Name and SQL of all that was created, without what spaces and quotes differ in."""
    connection = sqlite3.connect(path)
    found = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    shapes = {name: "".join(sql.replace('"', "").split()) for name, sql in found}
    connection.close()
    return shapes


def version(path: Path) -> str:
    connection = sqlite3.connect(path)
    (found,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    connection.close()
    return str(found)


def make(path: Path) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    prepare(connection, str(path), NOUNS)
    connection.close()


def with_a_second(tmp_path: Path, then: str = "") -> History:
    """The migrations as a next release may have them."""
    later = tmp_path / "migrations"
    shutil.copytree(HISTORY.migrations, later)
    (later / "versions" / "0002_second.py").write_text(SECOND.format(then=then))
    return History(later, ("0001", "0002"))


def test_migrating_and_creating_lead_to_one_schema(tmp_path: Path) -> None:
    make(tmp_path / "created.db")
    upgrade(str(tmp_path / "migrated.db"))
    created, migrated = schema(tmp_path / "created.db"), schema(tmp_path / "migrated.db")
    assert created == migrated
    assert version(tmp_path / "created.db") == version(tmp_path / "migrated.db")


def test_every_migration_is_named_in_the_history() -> None:
    scripts = ScriptDirectory(str(HISTORY.migrations)).walk_revisions()
    assert tuple(script.revision for script in scripts)[::-1] == HISTORY.schemas


def test_an_older_store_is_migrated_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    make(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("INSERT INTO tenants VALUES ('t1', 1, 1, 'acme', x'7b7d')")
    prepare(connection, str(path), NOUNS, with_a_second(tmp_path))
    assert connection.execute("SELECT name FROM tenants").fetchall() == [("acme",)]
    assert connection.execute("SELECT count(*) FROM later").fetchone() == (0,)
    connection.close()
    assert version(path) == "0002"


def test_a_migration_that_fails_leaves_the_old_schema_whole(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    make(path)
    before = schema(path)
    connection = sqlite3.connect(path, isolation_level=None)
    history = with_a_second(tmp_path, 'raise RuntimeError("on purpose")')
    with pytest.raises(RuntimeError, match="on purpose"):
        prepare(connection, str(path), NOUNS, history)
    connection.close()
    assert (schema(path), version(path)) == (before, "0001")


def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    make(path)
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = schema(path)
    for _ in range(2):  # It is not left locked either.
        with pytest.raises(SchemaTooNew, match=r"9999.*0001"):
            SqliteStore(str(path), NOUNS, RealClock(), SqliteOptions())
    assert (schema(path), version(path)) == (before, "9999")


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_text("This is a letter to a friend, and no database at all. " * 100)
    for _ in range(2):
        with pytest.raises(sqlite3.DatabaseError):
            SqliteStore(str(path), NOUNS, RealClock(), SqliteOptions())


# Every list, filter and in-use check that a request may ask for, and the sagas' and reconcilers'.
LISTS: list[tuple[Noun[Any], Where]] = [
    (TENANTS, {}),
    (TENANTS, {"name": "x"}),
    (PROJECTS, {"tenant_id": "x"}),
    (PROJECTS, {"tenant_id": "x", "name": "x"}),
    (FLAVORS, {}),
    (FLAVORS, {"kind": "vm"}),
    (FLAVORS, {"name": "x", "kind": "vm"}),
    (IMAGES, {}),
    (IMAGES, {"name": "x"}),
    (IMAGES, {"project_id": "x"}),
    (IMAGES, {"project_id": None}),
    (IMAGES, {"project_id": None, "name": "x"}),
    (IMAGES, {"checksum": "x"}),
    (VMS, {"project_id": "x"}),
    (VMS, {"project_id": "x", "name": "x"}),
    (VMS, {"host_id": "x"}),
    (VMS, {"image_id": "x"}),
    (VMS, {"flavor_id": "x"}),
    (NICS, {"subnet_id": "x"}),
    (EPHEMERAL_DISKS, {"flavor_id": "x"}),
    (DISKS, {"project_id": "x"}),
    (DISKS, {"project_id": "x", "name": "x"}),
    (DISKS, {"flavor_id": "x"}),
    (DISKS, {"datastore_id": "x"}),
    (SUBNETS, {}),
    (SUBNETS, {"name": "x"}),
    (SUBNETS, {"is_default": True}),
    (PORT_GROUPS, {"subnet_id": "x"}),
    (HOSTS, {}),
    (HOSTS, {"address": "x"}),
    (HOSTS, {"zone_id": "x"}),
    (HOSTS, {"state": "READY"}),
    (MISSING_HOSTS, {}),
    (DEBTS, {}),
    (DEBTS, {"host_id": "x"}),
    (DEBTS, {"kind": "HOST"}),
    (ORPHANS, {}),
    (ORPHANS, {"host_id": "x"}),
    (DATASTORES, {}),
    (DATASTORE_TAGS, {"tag": "x"}),
    (HOST_DATASTORES, {"host_id": "x"}),
    (HOST_DATASTORES, {"datastore_id": "x"}),
    (ZONES, {}),
    (ZONES, {"name": "x"}),
    (TASKS, {}),
    (TASKS, {"state": "QUEUED"}),
    (TASKS, {"entity_id": "x"}),
    (TASKS, {"entity_id": "x", "entity_kind": "vm"}),
    (TASKS, {"entity_id": "x", "entity_kind": "vm", "state": "QUEUED"}),
    (TASKS, {"project_id": "x"}),
    (TASKS, {"project_id": "x", "entity_kind": "vm", "state": "QUEUED"}),
    (TASKS, {"owner": "x"}),
]
# These are sorted after they were found: three at most, one of each kind.
SORTED: list[tuple[Noun[Any], Where]] = [(FLAVORS, {"name": "x"})]


@pytest.fixture(scope="module")
def created(tmp_path_factory: pytest.TempPathFactory) -> sqlite3.Connection:
    path = tmp_path_factory.mktemp("plans") / "store.db"
    make(path)
    return sqlite3.connect(path)


@pytest.mark.parametrize(("noun", "where"), LISTS + SORTED, ids=str)
def test_a_list_reads_its_rows_from_an_index_in_order(
    created: sqlite3.Connection, noun: Noun[Any], where: Where
) -> None:
    statements = NounStatements(noun)
    for template in (statements.page_after, statements.page_before):
        sql, values = statements.where(template, where)
        found = created.execute(f"EXPLAIN QUERY PLAN {sql}", ("x", *values, 1)).fetchall()
        plan = " / ".join(row[-1] for row in found)
        assert plan.startswith("SEARCH"), plan
        assert "TEMP B-TREE" not in plan or (noun, where) in SORTED, plan
        # By id alone a filter would look at every row.
        assert not where or not plan.endswith("(id>?)"), plan
        assert not where or not plan.endswith("(id<?)"), plan
