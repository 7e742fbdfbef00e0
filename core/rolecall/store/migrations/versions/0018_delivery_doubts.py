"""How many attempts may have sent a message is counted apart from those that certainly did not."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; what waits after an attempt that was not certainly refused is in doubt."""
    op.add_column("delivery", sa.Column("doubts", sa.Integer(), nullable=False, server_default="0"))
    op.execute("UPDATE delivery SET doubts = 1 WHERE state = 'queued' AND attempts > 0 AND coalesce(error_class, '') <> 'transient'")


def downgrade() -> None:
    """Take it away."""
    op.drop_column("delivery", "doubts")
