"""Comparisons with providers: how far they are, the inventory they read, what people decided."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
_PROVIDER = sa.String(length=40)
_EXTERNAL = sa.String(length=200)


def _needed(name: str, kind: Any, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, **options)


def upgrade() -> None:
    """Add the tables, and what a line says of a suspended account and of what was changed there. Lines so far are nobody's."""
    op.create_table(
        "comparison",
        _needed("provider", _PROVIDER),
        _needed("kind", sa.String(length=10)),
        _needed("state", sa.String(length=10)),
        _needed("asked_by", sa.String(length=200)),
        _needed("asked_at", _TIME),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("finished_at", _TIME, nullable=True),
        _needed("seen", sa.Integer()),
        sa.Column("error", sa.String(length=2000), nullable=True),
        _needed("attempts", sa.Integer()),
        sa.Column("not_before", _TIME, nullable=True),
        sa.Column("leased_until", _TIME, nullable=True),
        _needed("fence", sa.Integer()),
        _needed("number", sa.Integer()),
        sa.Column("inventory_at", _TIME, nullable=True),
        sa.Column("compared_at", _TIME, nullable=True),
        sa.Column("warning", sa.String(length=2000), nullable=True),
        sa.Column("token", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("provider", name="pk_comparison"),
    )
    op.create_table(
        "remote_account",
        _needed("provider", _PROVIDER),
        _needed("number", sa.Integer(), autoincrement=False),
        _needed("external_id", _EXTERNAL),
        sa.Column("key", sa.String(length=200), nullable=True),
        _needed("suspended", sa.Boolean()),
        _needed("attributes", _JSON),
        sa.Column("drift", _JSON, nullable=True),
        _needed("read_at", _TIME),
        sa.PrimaryKeyConstraint("provider", "number", "external_id", name="pk_remote_account"),
    )
    op.create_table(
        "remote_name",
        _needed("provider", _PROVIDER),
        _needed("number", sa.Integer(), autoincrement=False),
        _needed("name", sa.String(length=254)),
        _needed("external_id", _EXTERNAL),
        sa.PrimaryKeyConstraint("provider", "number", "name", "external_id", name="pk_remote_name"),
    )
    op.create_index("ix_remote_name_account", "remote_name", ["provider", "number", "external_id"])
    op.create_table(
        "own_name",
        _needed("provider", _PROVIDER),
        _needed("name", sa.String(length=254)),
        _needed("account_id", sa.Integer()),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_own_name_account_id_account"),
        sa.PrimaryKeyConstraint("provider", "name", "account_id", name="pk_own_name"),
    )
    op.create_index("ix_own_name_account", "own_name", ["account_id"])
    op.create_table(
        "match_decision",
        _needed("id", sa.Integer()),
        _needed("provider", _PROVIDER),
        sa.Column("external_id", _EXTERNAL, nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        _needed("decision", sa.String(length=10)),
        _needed("decided_by", sa.String(length=200)),
        _needed("decided_at", _TIME),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_match_decision_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_match_decision"),
    )
    op.create_index("ix_match_decision_remote", "match_decision", ["provider", "external_id"])
    op.create_index("ix_match_decision_account", "match_decision", ["account_id"])
    op.add_column("match", _needed("suspended", sa.Boolean(), server_default=sa.false()))
    op.add_column("match", sa.Column("drift", _JSON, nullable=True))


def downgrade() -> None:
    """Take all of it away again; what it held is lost."""
    op.drop_column("match", "drift")
    op.drop_column("match", "suspended")
    for table in ("match_decision", "own_name", "remote_name", "remote_account", "comparison"):
        op.drop_table(table)
