"""The keys of remote accounts, by which a comparison finds those that several carry."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_remote_account_key", "remote_account", ["provider", "number", "key"])


def downgrade() -> None:
    """Remove it again."""
    op.drop_index("ix_remote_account_key", "remote_account")
