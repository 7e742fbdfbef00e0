"""What the office decides about accounts: changed addresses, names by hand, languages, limits and menus of roles; and messages."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_JSON = sa.JSON(none_as_null=True).with_variant(postgresql.JSONB(none_as_null=True), "postgresql")
#: Columns of accounts that are no until somebody says otherwise.
_FLAGS = ("must_verify_email", "name_by_hand", "closed_by_rule", "first_is_phone")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Add columns to accounts, roles and sessions, and the tables of menus and messages."""
    for name in _FLAGS:
        op.add_column("account", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("account", sa.Column("former_email", sa.String(length=254), nullable=True))
    op.add_column("account", sa.Column("former_email_key", sa.String(length=254), nullable=True))
    op.add_column("account", sa.Column("language", sa.String(length=20), nullable=True))
    op.add_column("account", sa.Column("phone_guesses_left", sa.Integer(), nullable=True))
    op.add_column("account", sa.Column("password_changed_at", _TIME, nullable=True))
    op.create_index("ix_account_former_email_key", "account", ["former_email_key"])
    op.add_column("student_status", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("role", sa.Column("limited_to", _JSON, nullable=True))
    op.add_column("run", sa.Column("actor_period_id", sa.Integer(), nullable=True))
    op.add_column("session", sa.Column("trying_role_id", sa.Integer(), nullable=True))
    op.add_column("one_time_token", sa.Column("address_key", sa.String(length=254), nullable=True))
    op.create_table(
        "role_menu",
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("item", sa.String(length=100), nullable=False),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("label", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(["role_id"], ["role.id"], name="fk_role_menu_role_id_role", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("role_id", "item", name="pk_role_menu"),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=True),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("facts", _JSON, nullable=False),
        sa.Column("dedupe_key", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", _TIME, nullable=True),
        sa.Column("leased_until", _TIME, nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=200), nullable=True),
        sa.Column("error_class", sa.String(length=40), nullable=True),
        sa.Column("error", sa.String(length=2000), nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("settled_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_delivery_account_id_account"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="fk_delivery_run_id_run"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("dedupe_key", name="uq_delivery_dedupe_key"),
    )
    op.create_index("ix_delivery_due", "delivery", ["channel", "not_before", "id"], **_where("state = 'queued'"))
    op.create_index("ix_delivery_account", "delivery", ["account_id", "id"])
    op.create_index("ix_delivery_message_id", "delivery", ["message_id"])
    op.create_index("ix_delivery_run_id", "delivery", ["run_id"])


def downgrade() -> None:
    """Take all of it away again; what it held is lost."""
    op.drop_table("delivery")
    op.drop_table("role_menu")
    op.drop_column("one_time_token", "address_key")
    op.drop_column("session", "trying_role_id")
    op.drop_column("run", "actor_period_id")
    op.drop_column("role", "limited_to")
    op.drop_column("student_status", "version")
    op.drop_index("ix_account_former_email_key", "account")
    for name in ("password_changed_at", "phone_guesses_left", "language", "former_email_key", "former_email", *_FLAGS):
        op.drop_column("account", name)
