"""How alembic reaches a store.

SQLite: `migrate.upgrade` names its path. PostgreSQL: the migrations are written down as SQL, and
`postgres.migrate.upgrade` runs that; so a migration is made of statements, and reads nothing.

SQLite can undo DDL, if it is told where a transaction begins; then a migration that fails, or is
killed, leaves the old schema whole.
"""

from __future__ import annotations

import sqlite3
from typing import Any

import sqlalchemy as sa
from alembic import context


def write_down() -> None:
    # One transaction around all of them is begun by who runs them.
    context.configure(dialect_name="postgresql", literal_binds=True, transactional_ddl=False)
    context.run_migrations()


def run() -> None:
    engine = sa.create_engine(
        "sqlite://", creator=_connect, poolclass=sa.pool.NullPool, isolation_level=None
    )
    sa.event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        context.configure(connection=connection, transactional_ddl=True)
        with context.begin_transaction():
            context.run_migrations()


def _connect() -> sqlite3.Connection:
    return sqlite3.connect(context.config.attributes["path"], isolation_level=None)


def _begin(connection: sa.Connection) -> Any:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


if context.is_offline_mode():
    write_down()
else:
    run()
