"""The first schema. Frozen once released: later changes are migrations of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Each noun's own columns; text, unless they are WHOLE.
COLUMNS = {
    "tenants": ("name",),
    "projects": ("tenant_id", "name"),
    "flavors": ("name", "kind", "state"),
    "images": ("name", "state", "project_id", "checksum", "task_id"),
    "vms": ("project_id", "name", "state", "host_id", "image_id", "flavor_id", "task_id"),
    "memberships": ("host_id",),
    "nics": ("vm_id", "subnet_id"),
    "ephemeral_disks": ("vm_id", "flavor_id"),
    "disks": (
        "project_id",
        "name",
        "state",
        "flavor_id",
        "host_id",
        "datastore_id",
        "vm_id",
        "task_id",
    ),
    "subnets": ("name", "state", "is_default"),
    "port_groups": ("subnet_id",),
    "hosts": ("address", "state", "zone_id", "task_id"),
    "missing_hosts": ("since_ms",),
    "debts": ("host_id", "kind"),
    "orphans": ("host_id",),
    "datastores": ("name",),
    "host_datastores": ("host_id", "datastore_id"),
    "datastore_tags": ("datastore_id", "tag"),
    "zones": ("name", "state"),
    "system": ("state",),
    "tasks": ("entity_id", "entity_kind", "project_id", "state", "owner"),
    "tombstones": ("kind",),
    "members": ("name", "component"),
    "offices": ("holder",),
    "topology": (),
    "leaves": ("owner",),
    "seats": ("leaf_id",),
    "idempotent_answers": ("at_ms",),
}
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
OFTEN_UPDATED = {"fillfactor": 50}
WHOLE = {
    ("subnets", "is_default"),
    ("idempotent_answers", "at_ms"),
    ("missing_hosts", "since_ms"),
}
UNIQUE = [
    ("tenants", ("name",)),
    ("projects", ("tenant_id", "name")),
    ("flavors", ("name", "kind")),
    ("hosts", ("address",)),
]
# An id ends each index: lists are in id order.
INDEXES = [
    ("projects", ("tenant_id",)),
    ("flavors", ("kind",)),
    ("images", ("name",)),
    ("images", ("project_id",)),
    ("images", ("checksum",)),
    ("images", ("state",)),
    ("vms", ("project_id",)),
    ("vms", ("project_id", "name")),
    ("vms", ("host_id",)),
    ("vms", ("image_id",)),
    ("vms", ("flavor_id",)),
    ("memberships", ("host_id",)),
    ("nics", ("subnet_id",)),
    ("ephemeral_disks", ("flavor_id",)),
    ("disks", ("project_id",)),
    ("disks", ("project_id", "name")),
    ("disks", ("flavor_id",)),
    ("disks", ("host_id",)),
    ("disks", ("datastore_id",)),
    ("subnets", ("name",)),
    ("subnets", ("is_default",)),
    ("port_groups", ("subnet_id",)),
    ("hosts", ("zone_id",)),
    ("hosts", ("state",)),
    ("debts", ("host_id",)),
    ("debts", ("kind",)),
    ("orphans", ("host_id",)),
    ("host_datastores", ("host_id",)),
    ("host_datastores", ("datastore_id",)),
    ("datastore_tags", ("tag",)),
    ("zones", ("name",)),
    ("zones", ("state",)),
    ("tasks", ("entity_id",)),
    ("tasks", ("project_id",)),
    ("tasks", ("state",)),
    ("tasks", ("owner",)),
    ("idempotent_answers", ("at_ms",)),
]


def upgrade() -> None:
    for table, names in COLUMNS.items():
        op.create_table(
            table,
            sa.Column("id", TEXT, primary_key=True),
            sa.Column("generation", sa.BigInteger, nullable=False),
            sa.Column("revision", sa.BigInteger, nullable=False),
            *[sa.Column(n, sa.BigInteger() if (table, n) in WHOLE else TEXT) for n in names],
            sa.Column("doc", sa.LargeBinary, nullable=False),
        )
    for table, names in UNIQUE:
        op.create_index(f"{table}_by_{'_'.join(names)}", table, names, unique=True)
    for table, names in INDEXES:
        op.create_index(f"{table}_by_{'_'.join(names)}", table, [*names, "id"])
    _create_quota()
    _create_feed()
    if op.get_context().dialect.name == "postgresql":
        _create_writers()


def _create_quota() -> None:
    op.create_table(
        "quota_items",
        sa.Column("owner_id", TEXT, primary_key=True),
        sa.Column("key", TEXT, primary_key=True),
        sa.Column("limit_base", sa.Double),
        sa.Column("usage_base", sa.Double, nullable=False),
        sa.Column("unit", TEXT, nullable=False),
        sa.CheckConstraint(
            "limit_base IS NULL OR usage_base <= limit_base + 0.0000005",
            name="quota_items_within_limit",
        ),
        sqlite_with_rowid=False,
        postgresql_with=OFTEN_UPDATED,
    )


def _create_feed() -> None:
    op.create_table(
        "changes",
        sa.Column("revision", sa.BigInteger, primary_key=True),
        sa.Column("n", sa.BigInteger, primary_key=True),
        sa.Column("noun", TEXT, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feed",
        sa.Column("one", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("trimmed", sa.BigInteger, nullable=False),
        postgresql_with=OFTEN_UPDATED,
    )
    op.execute("INSERT INTO feed (one, revision, trimmed) VALUES (1, 0, 0)")


def _create_writers() -> None:
    op.create_table(
        "writers",
        sa.Column("id", TEXT, primary_key=True),
        sa.Column("session", sa.BigInteger, nullable=False),
        sa.Column("sequence", sa.BigInteger, nullable=False),
        sa.Column("before", sa.BigInteger, nullable=False),
        sa.Column("refused", sa.ARRAY(sa.Integer), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        postgresql_with=OFTEN_UPDATED,
    )
