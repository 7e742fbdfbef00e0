"""Classes with their members, what providers hold of them, and what comparisons with providers found."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Add the tables, and since when a link has its goal."""
    op.add_column("link", sa.Column("goal_since", _TIME, nullable=True))
    op.create_table(
        "school_class",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("period_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=100), nullable=False),
        sa.Column("code_key", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["period_id"], ["period.id"], name="fk_school_class_period_id_period"),
        sa.PrimaryKeyConstraint("id", name="pk_school_class"),
        sa.UniqueConstraint("key", name="uq_school_class_key"),
        sa.UniqueConstraint("period_id", "code_key", name="uq_school_class_period_id_code_key"),
    )
    op.create_index("ix_school_class_period_id", "school_class", ["period_id"])
    op.create_table(
        "class_member",
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["school_class.id"], name="fk_class_member_class_id_school_class", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_class_member_person_id_person"),
        sa.PrimaryKeyConstraint("class_id", "person_id", name="pk_class_member"),
    )
    op.create_index("ix_class_member_person_id", "class_member", ["person_id"])
    op.create_table(
        "class_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("class_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("goal", sa.String(length=10), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("synced", sa.Integer(), nullable=False),
        sa.Column("sent", _JSON, nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", _TIME, nullable=True),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("error_class", sa.String(length=40), nullable=True),
        sa.Column("error", sa.String(length=2000), nullable=True),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["class_id"], ["school_class.id"], name="fk_class_link_class_id_school_class"),
        sa.PrimaryKeyConstraint("id", name="pk_class_link"),
        sa.UniqueConstraint("class_id", "provider", name="uq_class_link_class_id_provider"),
    )
    op.create_index("ix_class_link_due", "class_link", ["provider", "not_before", "id"], **_where("synced < wanted"))
    op.create_table(
        "match",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=40), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("verdict", sa.String(length=12), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("remote", _JSON, nullable=False),
        sa.Column("decision", sa.String(length=10), nullable=True),
        sa.Column("decided_by", sa.String(length=200), nullable=True),
        sa.Column("found_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_match_account_id_account"),
        sa.PrimaryKeyConstraint("id", name="pk_match"),
        sa.UniqueConstraint("provider", "external_id", name="uq_match_provider_external_id"),
    )
    op.create_index("ix_match_verdict", "match", ["provider", "verdict", "id"])
    op.create_index("ix_match_account", "match", ["account_id"])


def downgrade() -> None:
    """Take all of it away again; what it held is lost."""
    for table in ("match", "class_link", "class_member", "school_class"):
        op.drop_table(table)
    op.drop_column("link", "goal_since")
