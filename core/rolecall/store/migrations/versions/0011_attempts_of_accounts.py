"""Whose account a counter of attempts is about, so that it can be forgotten for many accounts at once."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; counters live for a quarter of an hour, and begin anew."""
    op.execute("DELETE FROM throttle")
    op.add_column("throttle", sa.Column("account_id", sa.Integer(), nullable=True))
    op.create_index(op.f("ix_throttle_account_id"), "throttle", ["account_id"])


def downgrade() -> None:
    """Take it away again."""
    op.drop_index(op.f("ix_throttle_account_id"), "throttle")
    op.drop_column("throttle", "account_id")
