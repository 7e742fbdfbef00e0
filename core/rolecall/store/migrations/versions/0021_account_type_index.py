"""An index by user type: how many accounts of one type are at a provider is asked before accounts are closed there."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add it."""
    op.create_index("ix_account_type", "account", ["type"])


def downgrade() -> None:
    """Take it away."""
    op.drop_index("ix_account_type", "account")
