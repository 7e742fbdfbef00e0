"""People and groups that another system hands in, and how it knows them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "handed",
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=254), nullable=False),
        sa.Column("name_key", sa.String(length=254), nullable=False),
        sa.Column("external_id", sa.String(length=254), nullable=True),
        sa.Column("facts", _JSON, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_handed_person_id_person"),
        sa.PrimaryKeyConstraint("key", name="pk_handed"),
        sa.UniqueConstraint("plugin", "person_id", name="uq_handed_plugin_person_id"),
        sa.UniqueConstraint("plugin", "name_key", name="uq_handed_plugin_name_key"),
    )
    op.create_index("ix_handed_external_id", "handed", ["plugin", "external_id"])
    op.create_index("ix_handed_person", "handed", ["person_id"])
    op.create_table(
        "handed_group",
        sa.Column("key", sa.String(length=36), nullable=False),
        sa.Column("plugin", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=254), nullable=False),
        sa.Column("external_id", sa.String(length=254), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_handed_group"),
    )
    op.create_index("ix_handed_group_name", "handed_group", ["plugin", "name"])
    op.create_table(
        "handed_member",
        sa.Column("group_key", sa.String(length=36), nullable=False),
        sa.Column("handed_key", sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(["group_key"], ["handed_group.key"], name="fk_handed_member_group_key_handed_group", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["handed_key"], ["handed.key"], name="fk_handed_member_handed_key_handed", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("group_key", "handed_key", name="pk_handed_member"),
    )
    op.create_index("ix_handed_member_handed_key", "handed_member", ["handed_key"])


def downgrade() -> None:
    """Take them away again; what they held is lost."""
    for table in ("handed_member", "handed_group", "handed"):
        op.drop_table(table)
