"""The tables, made from the nouns: what a new store is created from.

A noun's table has its id, its generation, the revision that last changed it, its columns and the
whole entity as a JSON document. Dialects differ in the statements (`statements`), not here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa

from photon.store.protocol import Noun

BASE_COLUMNS: Final = ("id", "generation", "revision")
QUOTA_CHECK: Final = "quota_items_within_limit"

# Ids sort by their bytes, as SQLite sorts them, whatever language a database was made for.
TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
# Room in each page for the row's next version, so that an update need not touch the indexes.
OFTEN_UPDATED: Final = {"fillfactor": 50}

_SQL_TYPE: Final[dict[type, sa.types.TypeEngine[Any]]] = {
    str: TEXT,
    int: sa.BigInteger(),
    float: sa.Double(),
    bool: sa.BigInteger(),  # SQLite has no other, and 0 and 1 add up.
}


def metadata_of(nouns: Iterable[Noun[Any]], *, writers: bool = False) -> sa.MetaData:
    """All tables of a store that keeps `nouns`; with that of the writers, where there are many."""
    metadata = sa.MetaData()
    for noun in nouns:
        _noun_table(metadata, noun)
    _quota_table(metadata)
    _feed_tables(metadata)
    if writers:
        _writers_table(metadata)
    return metadata


def _noun_table(metadata: sa.MetaData, noun: Noun[Any]) -> None:
    unknown = noun.types.keys() - noun.columns.keys()
    assert not unknown, f"{noun} gives types to columns that it does not have: {unknown}"
    table = sa.Table(
        noun.name,
        metadata,
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        *(sa.Column(name, _SQL_TYPE[noun.types.get(name, str)]) for name in noun.columns),
        sa.Column("doc", sa.LargeBinary, nullable=False),
    )
    for columns in noun.unique:
        name = f"{noun.name}_by_{'_'.join(columns)}"
        sa.Index(name, *(table.c[column] for column in columns), unique=True)
    for columns in noun.indexes:
        # A list is in id order: an index that ends in the id is read in that order, without a sort.
        ordered = columns if columns[-1] == "id" else (*columns, "id")
        name = f"{noun.name}_by_{'_'.join(columns)}"
        sa.Index(name, *(table.c[column] for column in ordered))


def _quota_table(metadata: sa.MetaData) -> None:
    sa.Table(
        "quota_items",
        metadata,
        sa.Column("owner_id", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("limit_base", sa.Double),
        sa.Column("usage_base", sa.Double, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        # Half of the last decimal: a sum of tenths may be a hair above what it should be.
        sa.CheckConstraint(
            "limit_base IS NULL OR usage_base <= limit_base + 0.0000005", name=QUOTA_CHECK
        ),
        sqlite_with_rowid=False,
        postgresql_with=OFTEN_UPDATED,
    )


def _feed_tables(metadata: sa.MetaData) -> None:
    sa.Table(
        "changes",
        metadata,
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("n", sa.BigInteger, primary_key=True),
        sa.Column("noun", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    # One row: the newest revision, and the one up to which the feed has been trimmed.
    sa.Table(
        "feed",
        metadata,
        sa.Column("one", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("trimmed", sa.BigInteger, nullable=False),
        postgresql_with=OFTEN_UPDATED,
    )


def _writers_table(metadata: sa.MetaData) -> None:
    # One row a store object that writes: its newest group that was committed, so that whoever lost
    # the connection in the middle of a COMMIT can find out whether it happened.
    sa.Table(
        "writers",
        metadata,
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("session", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("before", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.ARRAY(sa.Integer), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        postgresql_with=OFTEN_UPDATED,
    )
