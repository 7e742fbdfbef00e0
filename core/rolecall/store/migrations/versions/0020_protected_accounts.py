"""Accounts that are closed at a provider only when somebody asks for them by themselves."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_PROTECTED = sa.text("protected")


def upgrade() -> None:
    """Add the mark; nobody has it yet."""
    op.add_column("account", sa.Column("protected", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_index("ix_account_protected", "account", ["id"], sqlite_where=_PROTECTED, postgresql_where=_PROTECTED)


def downgrade() -> None:
    """Take it away; links forget that somebody asked for one account by itself, and are decided about anew."""
    op.execute("UPDATE link SET brake = NULL WHERE brake = 'alone'")
    op.drop_index("ix_account_protected", "account")
    op.drop_column("account", "protected")
