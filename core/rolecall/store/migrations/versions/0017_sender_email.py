"""From which of the institution's addresses an account sends invitations."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; everybody sends from the institution's first."""
    op.add_column("account", sa.Column("sender_email", sa.String(length=254), nullable=True))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("account", "sender_email")
