"""Lists of messages by their state."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_delivery_state", "delivery", ["state", "id"])


def downgrade() -> None:
    """Remove it."""
    op.drop_index("ix_delivery_state", "delivery")
