"""How many may be on their way to a provider that comes back, over all workers."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; every provider takes what the workers take."""
    op.add_column("plugin_state", sa.Column("at_once", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("plugin_state", "at_once")
